"""The search experiment on Reber strings: its random graphs, its volumes, and a small run of it from end to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.reproduce.reber import search
from nas.tasks import Task, load_task


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Task:
    """256 strings, three networks a search, one epoch."""
    whole = load_task("reber")
    train, val, test = (split.take(torch.arange(256)) for split in (whole.train, whole.val, whole.test))
    task = replace(whole, train=train, val=val, test=test)
    monkeypatch.setattr(search, "TRIALS", 3)
    monkeypatch.setattr(search, "BATCH", 2)
    monkeypatch.setattr(search, "load_task", lambda name: task)
    recipe = replace(search.SETTINGS.recipe, epochs=1, batch_size=64)
    monkeypatch.setattr(search, "SETTINGS", replace(search.SETTINGS, recipe=recipe))
    return task


def network(number: int, kept: int, accuracy: float, arm: str = "evolution") -> search.Trained:
    return search.Trained(arm, 0, number, 12, 20, "random", "global", 0.5, 1, kept, accuracy)


def test_a_random_graph_has_the_nodes_and_edges_asked_for() -> None:
    rng = np.random.default_rng(0)
    graphs = [search.uniform(12, 20, rng) for _ in range(200)]
    assert all((graph.nodes, len(graph.edges)) == (12, 20) for graph in graphs)
    assert len(search.uniform(6, 15, rng).edges) == 15
    share = np.mean([graph.adjacency for graph in graphs], axis=0)[np.triu_indices(12, 1)]
    # each edge is there with probability 20 / 66; 5 standard errors over 66 edges: false alarm below 1e-4
    assert np.abs(share - 20 / 66).max() < 5 * np.sqrt(20 / 66 * 46 / 66 / 200)


def test_matched_networks_have_the_sizes_and_kept_weights_of_the_search(small: Task) -> None:
    rows = list(search.searched("random", 0, small, trials=3))
    found = list(search.matched(rows, small))
    for own, row in zip(rows, found, strict=True):
        assert replace(row, arm=own.arm, val_accuracy=own.val_accuracy) == own
        assert row.arm == "same sizes"
    assert list(search.matched(rows, small)) == found


def test_every_seed_has_networks_of_its_own(small: Task) -> None:
    sizes = [
        [(row.nodes, row.edges, row.density) for row in search.searched("random", seed, small, 3)] for seed in (0, 1)
    ]
    assert sizes[0] != sizes[1]


def test_the_dominated_share_is_that_of_the_boxes_drawn_by_hand() -> None:
    rows = [network(0, 1000, 0.75), network(1, 10, 0.75), network(2, 100, 1.0), network(3, 100, 0.9)]
    found = search.dominated(rows, [*rows, network(0, 1000, 0.5, "random")])
    # logarithms of kept weights span 1 to 3: the second network is worth the whole width, at half the height
    assert found.tolist() == pytest.approx([0.0, 0.5, 0.75, 0.75])


def test_the_experiment_runs_and_goes_on_without_training_anything_twice(
    small: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    first = search.reber_search(tmp_path, lines.append, seeds=(0, 1))
    assert [(row["arm"], row["seed"]) for row in first.rows] == [(arm, seed) for seed in (0, 1) for arm in search.ARMS]
    assert all(row["networks"] == 3 and 0.0 <= row["hypervolume"] <= 1.0 for row in first.rows)
    assert (tmp_path / "reber_search.png").stat().st_size > 1000
    assert len(lines) == 2

    def never(*arguments: object) -> None:
        raise AssertionError("nothing is left to train")

    refused: Callable[..., None] = never
    monkeypatch.setattr(search, "searched", refused)
    assert search.reber_search(tmp_path, lines.append, seeds=(0, 1)) == first
    assert search.summary(first.rows).keys() == first.summary.keys()
