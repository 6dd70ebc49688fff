"""The search experiment on Reber strings: its controls, its fresh seeds, its measures, and a small run of it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.reproduce.reber import search
from experiments.reproduce.reber.evolved import controls, measures
from experiments.reproduce.reber.evolved.controls import CONTROLS, control, random_graph, uniform
from experiments.reproduce.reber.evolved.design import Design
from experiments.reproduce.reber.evolved.fresh import Judged, beside, fresh_seed, retrained
from experiments.reproduce.reber.evolved.measures import Front, fewest, front, gathered, reached, share
from experiments.reproduce.reber.evolved.searches import Found, same_sizes, searched
from experiments.reproduce.reber.evolved.structure import Structure
from experiments.reproduce.reber.evolved.summary import summary
from nas.genomes import CandidateSpace
from nas.realize import realize
from nas.screen import ScreenSettings
from nas.tasks import Task, load_task
from tests.experiments.commands import run

SMALL = Design(
    trials=6,
    batch=3,
    epochs=1,
    final_epochs=1,
    copies=2,
    batch_size=64,
    screen=ScreenSettings(minimum=3, oversample=2, explore=0.0),
)


@pytest.fixture(scope="module")
def task() -> Task:
    """256 strings of each split."""
    whole = load_task("reber")
    train, val, test = (split.take(torch.arange(256)) for split in (whole.train, whole.val, whole.test))
    return replace(whole, train=train, val=val, test=test)


@pytest.fixture
def space(task: Task) -> CandidateSpace:
    return SMALL.space(task, seed=3)


def some(space: CandidateSpace, count: int) -> list[Found]:
    """Structures of the space, as if a search had found them."""
    rng = np.random.default_rng(1)
    structures = [Structure.of(space.decode(space.random(rng))) for _ in range(count)]
    return [Found(one, one.masks(space.signature).kept, 0.6 + 0.01 * i) for i, one in enumerate(structures)]


def test_a_random_graph_has_the_nodes_and_edges_asked_for() -> None:
    rng = np.random.default_rng(0)
    graphs = [uniform(12, 20, rng) for _ in range(200)]
    assert all((graph.nodes, len(graph.edges)) == (12, 20) for graph in graphs)
    assert len(uniform(6, 15, rng).edges) == 15
    share_of_edges = np.mean([graph.adjacency for graph in graphs], axis=0)[np.triu_indices(12, 1)]
    # each edge is there with probability 20 / 66; 5 standard errors over 66 edges: false alarm below 1e-4
    assert np.abs(share_of_edges - 20 / 66).max() < 5 * np.sqrt(20 / 66 * 46 / 66 / 200)


def test_a_structure_is_the_masked_network_of_its_candidate(task: Task, space: CandidateSpace) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        candidate = space.decode(space.random(rng))
        module, masks = realize(candidate, task)
        own = Structure.of(candidate)
        assert all(torch.equal(masks[name], mask) for name, mask in own.masks(task.signature).items())
        weights = own.network(task.signature, candidate.seed).state_dict()
        assert all(torch.equal(weights[name], value) for name, value in module.state_dict().items())


@pytest.mark.parametrize("name", CONTROLS)
def test_controls_have_the_nodes_and_exactly_the_kept_weights(name: str, space: CandidateSpace) -> None:
    for number, one in enumerate(some(space, 6)):
        drawn = control(CONTROLS[name], one.structure, one.kept, space, seed=number)
        assert drawn.masks(space.signature).kept == one.kept
        assert drawn.graph.nodes == one.structure.graph.nodes
        assert drawn.seed != one.structure.seed
        if name != "random structures":
            assert len(drawn.graph.edges) == len(one.structure.graph.edges)
            assert (drawn.sparsity.method, drawn.inputs) == (one.structure.sparsity.method, one.structure.inputs)
        assert (drawn.graph == one.structure.graph) == (name == "masks drawn again")


def test_a_control_that_cannot_keep_so_many_weights_is_refused(
    space: CandidateSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controls, "TRIES", 10)
    one = some(space, 1)[0]
    with pytest.raises(ValueError, match="a control must keep 100000 weights; got fewer in each of 10 draws"):
        control(lambda evolved, space, seed: evolved, one.structure, 100_000, space, seed=0)


def test_random_graphs_of_a_search_have_its_sizes_and_kept_weights(task: Task, space: CandidateSpace) -> None:
    evolution = some(space, 5)
    found = list(same_sizes(evolution, 0, task, SMALL))
    for own, one in zip(found, evolution, strict=True):
        graphs = own.structure.graph, one.structure.graph
        assert graphs[0].nodes == graphs[1].nodes and len(graphs[0].edges) == len(graphs[1].edges)
        assert own.kept == one.kept
    assert list(same_sizes(evolution, 0, task, SMALL)) == found


def test_a_search_is_a_function_of_its_seed(task: Task) -> None:
    first, again, other = (searched("evolution", seed, task, SMALL, guided=True) for seed in (0, 0, 1))
    assert first == again
    assert len(first) == 6
    assert first != other


def test_the_command_line_searches_as_the_experiment_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = replace(SMALL, trials=4, batch_size=128)
    narrowed: list[list[object]] = [
        ["--only", f"{name}={','.join(map(str, values))}"] for name, values in design.only.items()
    ]
    methods: list[list[object]] = [["--method", method] for method in design.methods]
    many: list[list[object]] = [
        *narrowed,
        *methods,
        ["--allocation", "global", "--executor", "population", "--batch", design.batch],
    ]
    sizes = ["--trials", 4, "--epochs", 1, "--final-epochs", 0, "--min-density", design.densities[0]]
    screen = ["--min-records", 3, "--oversample", 2, "--explore", 0, "--max-multiply-adds", "none"]
    names = ["--task", "reber", "--space", "graph_rnn", "--seed", 5, "--name", "a", "--out", tmp_path]
    said = run(capsys, "search", *names, *sizes, *screen, "--threads-per-trial", 1, *chain.from_iterable(many))
    assert said.code == 0, said.err
    with (tmp_path / "a" / "records.csv").open(newline="") as file:
        told = [(int(row["kept"]), round(float(row["val_accuracy"]), 6)) for row in csv.DictReader(file)]
    found = searched("evolution", 5, load_task("reber"), design, guided=True)
    assert told == [(one.kept, round(one.val_accuracy, 6)) for one in found]


def test_fresh_seeds_are_of_no_search_and_shared_by_the_arms(task: Task, space: CandidateSpace) -> None:
    fresh = [fresh_seed(seed, place, copy) for seed in range(5) for place in range(10) for copy in range(5)]
    assert len(set(fresh)) == len(fresh)
    rng = np.random.default_rng(0)
    candidates = {SMALL.space(task, seed).decode(space.random(rng)).seed for seed in range(5) for _ in range(40)}
    controls = {control(random_graph, some(space, 1)[0].structure, 20, space, seed).seed for seed in range(40)}
    assert not set(fresh) & (candidates | controls)


def test_copies_differ_by_weights_only_and_controls_by_structure_too(task: Task, space: CandidateSpace) -> None:
    own = front(some(space, 6))
    rows = list(retrained("evolution", own, 0, task, SMALL))
    assert [(row.place, row.copy) for row in rows] == [(i, c) for i in range(len(own)) for c in range(2)]
    assert [row.kept for row in rows] == [one.kept for one in own for _ in range(2)]
    assert any(rows[i].test_accuracy != rows[i + 1].test_accuracy for i in range(0, len(rows), 2))
    drawn = list(beside("random graphs", random_graph, own, 0, task, SMALL))
    sizes = [(row.place, row.copy, row.nodes, row.edges, row.method, row.kept) for row in rows]
    assert [(row.place, row.copy, row.nodes, row.edges, row.method, row.kept) for row in drawn] == sizes


def test_the_front_is_what_none_beats(space: CandidateSpace) -> None:
    one = some(space, 1)[0].structure
    found = [Found(one, kept, val) for kept, val in ((50, 0.7), (40, 0.6), (60, 0.65), (90, 0.9), (10, 0.52))]
    assert [(each.kept, each.val_accuracy) for each in front(found)] == [(40, 0.6), (50, 0.7), (90, 0.9)]
    assert front([Found(one, 10, 0.5)]) == []


def test_a_budget_buys_the_test_accuracy_of_what_validation_prefers() -> None:
    val, test = np.array([[0.7], [0.6], [0.9]]).repeat(2, 1), np.array([[0.75], [0.99], [1.0]]).repeat(2, 1)
    members = Front(np.array([10.0, 100.0, 1000.0]), val, test)
    assert [reached(members, budget) for budget in (9, 10, 100, 1000)] == [0.5, 0.75, 0.75, 1.0]
    # from 1 to 10 weights nothing, from 10 to 1000 half the height: a decade of nothing and two of 0.5
    assert share(members, 1.0, 1000.0) == pytest.approx((0.0 + 2 * 0.5) / 3)
    assert (fewest(members, 0.75), fewest(members, 0.9), fewest(members, 1.1)) == (10.0, 1000.0, None)
    none = gathered([])
    assert (reached(none, 1e9), share(none, 1.0, 1000.0), fewest(none, 0.6)) == (0.5, 0.0, None)


def test_no_copy_has_a_say_in_whether_it_counts() -> None:
    # network 0 was lucky in copy 0, in validation and test alike; network 1 is the better one
    val, test = np.array([[1.0, 0.6, 0.6], [0.7, 0.7, 0.7]]), np.array([[1.0, 0.5, 0.5], [0.8, 0.8, 0.8]])
    # without copy 0 network 1 is preferred, without copy 1 or 2 network 0
    assert reached(Front(np.array([10.0, 10.0]), val, test), 10.0) == pytest.approx((0.8 + 0.5 + 0.5) / 3)


def test_what_diverged_counts_as_chance(task: Task, space: CandidateSpace) -> None:
    row = next(retrained("evolution", some(space, 1), 0, task, SMALL))
    lost = replace(row, copy=1, val_accuracy=float("nan"), test_accuracy=float("nan"))
    found = gathered([lost, replace(row, val_accuracy=0.7, test_accuracy=0.9)])
    assert found.kept.tolist() == [row.kept]
    assert (found.val.tolist(), found.test.tolist()) == ([[0.7, 0.5]], [[0.9, 0.5]])


def test_the_summary_pairs_seeds() -> None:
    accuracies = {"evolution": (0.9, 0.8, 0.7), "same sizes": (0.6, 0.9, 0.7), "random search": (0.5, 0.5, 0.5)}
    accuracies |= dict.fromkeys(CONTROLS, (0.8, 0.7, 0.6))
    judged = [
        Judged(arm, seed, 0, copy, 12, 24, 12, "random", 60, accuracy, accuracy)
        for arm, each in accuracies.items()
        for seed, accuracy in enumerate(each)
        for copy in range(2)
    ]
    trained = [{"arm": arm, "seed": seed, "val_accuracy": 0.5 + 0.1 * seed} for arm in accuracies for seed in range(3)]
    found = summary(judged, trained)
    gain = found["test accuracy at equal weights: evolution less random graphs"]
    assert (gain["mean"], gain["low"], gain["high"]) == pytest.approx((0.1, 0.1, 0.1))
    assert (gain["wins"], gain["pairs"]) == (3, 3)
    within = found["test accuracy within 60 weights: evolution less same sizes"]
    assert (within["mean"], within["wins"]) == (pytest.approx(0.2 / 3), 1)
    assert found["test accuracy within 40 weights: evolution"] == 0.5
    # dominated from 60 to 400 of 20 to 400 weights, at 0.8, 0.6 and 0.4 of the height
    assert found["share of the box: evolution"] == pytest.approx(0.6 * np.log(400 / 60) / np.log(20))
    assert found["fewest weights to test accuracy 0.9: evolution"] == [60.0, None, None]


def test_the_experiment_runs_and_goes_on_without_training_anything_twice(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "load_task", lambda name: task)
    monkeypatch.setattr(measures, "USEFUL", 0.0)
    lines: list[str] = []
    first = search.reber_search(tmp_path, lines.append, seeds=(0, 1), design=SMALL)
    arms = {"evolution", "same sizes", "random search", *CONTROLS}
    assert {(row["arm"], row["seed"]) for row in first.rows} == {(arm, seed) for arm in arms for seed in (0, 1)}
    kept = {arm: [row["kept"] for row in first.rows if row["arm"] == arm] for arm in ("evolution", *CONTROLS)}
    assert all(kept[arm] == kept["evolution"] for arm in CONTROLS)
    assert (tmp_path / "reber_search.png").stat().st_size > 1000
    assert len(lines) == 2

    def never(*arguments: object, **named: object) -> None:
        raise AssertionError("nothing is left to train")

    refused: Callable[..., None] = never
    monkeypatch.setattr(search, "searched", refused)
    assert search.reber_search(tmp_path, lines.append, seeds=(0, 1), design=SMALL) == first
