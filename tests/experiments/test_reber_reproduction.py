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
from experiments.reproduce.reber.features import features
from experiments.reproduce.reber.networks import Network, networks, reachable
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


def planted(networks_: Sequence[Network], seeds: int, noise: float) -> list[run.Row]:
    """Accuracies of 0.7 + 0.005 nodes + 0.3 transitivity, plus noise of a seed."""
    rng, rows = np.random.default_rng(0), []
    for network in networks_:
        row = features(network)
        truth = 0.6 + 0.005 * row["size/nodes"] + 0.3 * row["graph/transitivity"]
        for seed in range(seeds):
            value = float(truth + noise * rng.normal())
            rows.append(run.Row(network.family, network.number, int(network.is_twin), "tanh", seed, value, 0, 0, 0))
    return rows


def test_the_analysis_finds_what_was_planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "MODEL", "bayesian_ridge")
    monkeypatch.setattr(analysis, "REPEATS", 1)
    everything = networks()
    rows = planted(everything, seeds=5, noise=0.05)
    found = analysis.analysed(rows, "tanh")
    assert found is not None
    truth = np.array([0.005 * f["size/nodes"] + 0.3 * f["graph/transitivity"] for f in map(features, everything[::2])])
    expected = 1 - (0.05**2 / 5) / (truth.var() + 0.05**2 / 5)
    assert found["ceiling"]["mean"] == pytest.approx(expected, abs=0.05)
    assert found["ceiling"]["low"] < found["ceiling"]["mean"] < found["ceiling"]["high"]
    assert found["all"]["r2"]["mean"] > found["ceiling"]["mean"] - 0.1
    assert found["beyond_size"]["low"] > 0 and found["beyond_counts"]["low"] > 0
    assert found["seed_sd"] == pytest.approx(0.05, abs=0.005)
    assert found["twins"]["difference"]["watts_strogatz"]["low"] > 0  # lattices lose their triangles
    assert set(found["leave_one_generator_out"]) == {"barabasi_albert", "watts_strogatz"}


def test_the_analysis_waits_for_two_complete_seeds() -> None:
    everything = [n for n in networks() if not n.is_twin]
    rows = planted(everything, seeds=2, noise=0.01)
    assert analysis.collected(rows[:-1], "tanh", twins=False) is None
    assert analysis.collected(rows, "gru", twins=False) is None
    found = analysis.collected(rows, "tanh", twins=False)
    assert found is not None
    assert found.accuracies.shape == (200, 2)
