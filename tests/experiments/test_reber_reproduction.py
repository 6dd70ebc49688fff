"""The Reber experiment: what it trains, how it resumes, and its analysis on accuracies whose cause is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import networkx
import numpy as np
import pytest
import torch

from experiments.reproduce.reber import analysis, run
from experiments.reproduce.reber import held_out as held
from experiments.reproduce.reber.alike import alike
from experiments.reproduce.reber.features import features
from experiments.reproduce.reber.graphs import Graphs, collected, columns
from experiments.reproduce.reber.held_out import Recipe
from experiments.reproduce.reber.networks import Network, networks, reachable
from experiments.reproduce.reber.noise import r2_of
from nas.tasks import load_task
from nas.tasks.task import Task


def test_the_networks_are_two_hundred_graphs_and_their_twins() -> None:
    found = networks()
    assert len(found) == 400
    pairs = {(n.family, n.number): n for n in found if not n.is_twin}
    assert len(pairs) == 200
    for other in (n for n in found if n.is_twin):
        own = pairs[other.family, other.number]
        assert other.graph.degrees.tolist() == own.graph.degrees.tolist()
        assert other.inputs == own.inputs
    assert all(10 <= n.graph.nodes <= 50 for n in found)
    assert [n.graph.nodes for n in found] == sorted(n.graph.nodes for n in found)


def test_features_are_networkx_and_finite() -> None:
    for network in networks()[::40]:
        graph = networkx.Graph(list(network.graph.edges))
        graph.add_nodes_from(range(network.graph.nodes))
        row = features(network)
        assert all(np.isfinite(value) for value in row.values())
        assert row["size/nodes"] == len(graph)
        assert row["log/inputs"] == pytest.approx(np.log(len(network.inputs)))
        assert row["graph/transitivity"] == pytest.approx(networkx.transitivity(graph))
        between = list(networkx.betweenness_centrality(graph).values())
        assert row["graph/betweenness_mean"] == pytest.approx(np.mean(between))
        assert row["graph/betweenness_std"] == pytest.approx(np.std(between))
        if networkx.is_connected(graph):
            assert row["graph/path_length_mean"] == pytest.approx(networkx.average_shortest_path_length(graph))
            assert row["graph/eccentricity_mean"] == pytest.approx(np.mean(list(networkx.eccentricity(graph).values())))
        near = networkx.multi_source_dijkstra_path_length(graph, set(network.inputs))
        assert all(reachable(network)[node] == length for node, length in near.items())


def tiny() -> Task:
    whole = load_task("reber")
    train, val, test = (split.take(torch.arange(128)) for split in (whole.train, whole.val, whole.test))
    return replace(whole, train=train, val=val, test=test)


def test_a_stopped_run_goes_on_and_no_network_is_trained_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [n for n in networks() if not n.is_twin][:4]
    monkeypatch.setattr(run, "networks", lambda: chosen)
    monkeypatch.setattr(run, "BLOCK", 2)
    monkeypatch.setattr(run, "RECIPE", replace(run.RECIPE, epochs=2, batch_size=64))
    table, task, lines = tmp_path / "runs.csv", tiny(), list[str]()
    whole = run.run(table, task, (0, 1), ("tanh",), lines.append)
    assert len(whole) == 8
    assert len(lines) == 4
    text = table.read_text().splitlines()
    table.write_text("\n".join(text[:4]) + "\n" + text[4][:9])  # killed in the middle of a line
    again = run.run(table, task, (0, 1), ("tanh",), lines.append)
    assert sorted(again, key=run.key) == sorted(whole, key=run.key)
    assert run.run(table, task, (0, 1), ("tanh",), lines.append) == again
    assert {row.seed for row in again} == {0, 1}
    assert len({run.key(row) for row in again}) == 8


PLANTED = {
    "all": ("size/", "graph/"),
    "sizes": ("size/",),
    "counts": ("size/nodes", "size/edges"),
    "graph": ("graph/",),
}


def planted(networks_: Sequence[Network], seeds: int, noise: float) -> list[run.Row]:
    """Accuracies of 0.7 + 0.005 nodes + 0.3 transitivity, plus noise of a seed."""
    rng, rows = np.random.default_rng(0), []
    for network in networks_:
        names, described = columns(network.is_twin)
        row = dict(zip(names, described[network.family, network.number], strict=True))
        truth = 0.6 + 0.005 * row["size/nodes"] + 0.3 * row["graph/transitivity"]
        for seed in range(seeds):
            value = float(truth + noise * rng.normal())
            rows.append(run.Row(network.family, network.number, int(network.is_twin), "tanh", seed, value, 0, 0, 0))
    return rows


def test_the_analysis_finds_what_was_planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "RECIPES", {name: Recipe(part, "bayesian_ridge") for name, part in PLANTED.items()})
    monkeypatch.setattr(held, "REPEATS", 1)
    everything = networks()
    rows = planted(everything, seeds=5, noise=0.05)
    (found,) = analysis.analysed(rows)
    truth = np.array([row.accuracy for row in planted(everything[::2], seeds=1, noise=0.0)])
    expected = 1 - (0.05**2 / 5) / (truth.var() + 0.05**2 / 5)
    assert found["cell"] == "tanh"
    assert found["ceiling"]["mean"] == pytest.approx(expected, abs=0.05)
    assert found["ceiling"]["low"] < found["ceiling"]["mean"] < found["ceiling"]["high"]
    assert found["all"]["r2"]["mean"] > found["ceiling"]["mean"] - 0.1
    assert found["gap"]["mean"] == pytest.approx(found["ceiling"]["mean"] - found["all"]["r2"]["mean"])
    assert found["gap"]["low"] < found["gap"]["mean"] < found["gap"]["high"] < 0.2
    assert found["beyond_size"]["low"] > 0 and found["beyond_counts"]["low"] > 0
    assert found["seed_sd"] == pytest.approx(0.05, abs=0.005)
    assert found["twins"]["difference"]["watts_strogatz"]["low"] > 0  # lattices lose their triangles
    assert found["twins"]["r2"] > found["twins"]["ceiling"]["mean"] - 0.15  # their triangles are counted, not assumed
    assert found["twins"]["gap"]["mean"] == pytest.approx(found["twins"]["ceiling"]["mean"] - found["twins"]["r2"])
    assert set(found["leave_one_generator_out"]) == {"barabasi_albert", "watts_strogatz"}


def test_the_analysis_waits_for_two_complete_seeds() -> None:
    everything = [n for n in networks() if not n.is_twin]
    rows = planted(everything, seeds=2, noise=0.01)
    assert collected(rows[:-1], "tanh", twins=False) is None
    assert collected(rows, "gru", twins=False) is None
    assert analysis.analysed(rows[:-1]) == []
    found = collected(rows, "tanh", twins=False)
    assert found is not None
    assert found.accuracies.shape == (200, 2)


def _two_cells(noise: float) -> dict[str, Graphs]:
    rows = planted([n for n in networks() if not n.is_twin], seeds=3, noise=noise)
    both = rows + [replace(row, cell="relu", accuracy=row.accuracy - 0.1) for row in rows]
    return analysis.complete(both)


def test_a_graph_that_diverged_in_one_cell_is_left_out_of_all() -> None:
    rows = planted([n for n in networks() if not n.is_twin], seeds=2, noise=0.01)
    broken = [
        replace(row, cell="relu", accuracy=float("nan") if i == 0 else row.accuracy) for i, row in enumerate(rows)
    ]
    cells = analysis.complete(rows + broken)
    assert [len(graphs.keys) for graphs in cells.values()] == [199, 199]
    assert cells["tanh"].keys == cells["relu"].keys
    assert (rows[0].family, rows[0].graph) not in cells["tanh"].keys


def test_no_accuracy_of_a_held_out_graph_is_used() -> None:
    """Change one graph's accuracies in both cells: its own prediction stays, others of its repeat move."""
    cells, recipe = _two_cells(0.02), Recipe(("size/",), "bayesian_ridge")
    before = held.held_out(cells, recipe, repeats=1).predictions
    for graphs in cells.values():
        graphs.accuracies[7] += 0.3
    after = held.held_out(cells, recipe, repeats=1).predictions
    for cell in cells:
        assert after[cell][0, 7] == pytest.approx(before[cell][0, 7], abs=1e-12)
        assert np.abs(after[cell] - before[cell]).max() > 1e-4


def test_cells_alone_and_scales_come_back_as_accuracies() -> None:
    cells = _two_cells(0.02)
    for recipe in (Recipe(("size/", "graph/"), "bayesian_ridge", pooled=False, scale=s) for s in ("accuracy", "logit")):
        found = held.held_out(cells, recipe, repeats=1).predictions
        assert all(r2_of(graphs.means, found[cell]) > 0.7 for cell, graphs in cells.items())


def test_graphs_of_the_same_sizes_differ_by_what_is_planted() -> None:
    """Half of the variance is an effect of each graph's own, half of its nodes: the share is 0.5, whatever the noise.

    About 80 degrees of freedom: its deviation is 0.09, so 0.27 is passed by chance in under 1 of 300 seeds.
    """
    (graphs,) = (g for cell, g in _two_cells(0.02).items() if cell == "tanh")
    rng = np.random.default_rng(1)
    nodes = graphs.x[:, graphs.names.index("size/nodes")]
    truth = (nodes - nodes.mean()) / nodes.std() + rng.normal(size=len(nodes))
    own = replace(graphs, accuracies=truth[:, None] + 0.5 * rng.normal(size=(len(nodes), 5)))
    found = alike(own)
    assert found is not None
    assert found.mean == pytest.approx(0.5, abs=0.27) and found.low > 0
    only = alike(replace(graphs, accuracies=nodes[:, None] + 3.0 * rng.normal(size=(len(nodes), 5))))
    assert only is not None
    assert only.low < 0 < only.high
    assert alike(graphs.chosen([0])) is None
