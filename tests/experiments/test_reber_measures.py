"""The Reber experiments that measure more than accuracy: the timed one on longer strings, and that of next letters."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.reproduce.reber import next_letters, run, whole
from experiments.reproduce.reber.networks import Network, networks
from nas.tasks import Task, load_task
from predictors.models import MODELS


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def small(name: str) -> Task:
    """A task with 128 strings of each split."""
    task = load_task(name)
    parts = {part: getattr(task, part).take(torch.arange(128)) for part in ("train", "val", "test")}
    return replace(task, **parts)


def few() -> list[Network]:
    return [network for network in networks() if not network.is_twin][:6]


def test_the_timed_experiment_trains_what_the_long_one_does_and_reads_longer_strings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(run.RECIPE, epochs=1, batch_size=64)
    monkeypatch.setattr(run, "networks", few)
    monkeypatch.setattr(run, "RECIPE", recipe)
    monkeypatch.setattr(whole, "RECIPE", recipe)
    monkeypatch.setattr(whole, "load_task", small)
    table = whole.reber_whole(tmp_path, lambda line: None, cells=("tanh",))
    assert [(row["cell"], row["networks"]) for row in table.rows] == [("tanh", 6), ("all", 6)]
    assert table.summary["minutes"] > 0
    with (tmp_path / "reber_long.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    plain = {(row.family, row.graph): row.accuracy for row in run.train_block(few(), "tanh", 0, small("reber"))}
    assert {(row["family"], int(row["graph"])): float(row["accuracy"]) for row in rows} == plain
    assert all(0.0 <= float(row["long_accuracy"]) <= 1.0 for row in rows)
    assert np.mean([float(row["long_accuracy"]) for row in rows]) == pytest.approx(
        table.rows[0]["long_accuracy"], abs=1e-4
    )


def test_networks_of_either_task_begin_with_the_same_recurrent_weights() -> None:
    network = few()[0]
    first, second = network.build("gru", 3).state_dict(), network.build("gru", 3, 9).state_dict()
    for name in first:
        if name.startswith("recurrent."):
            assert torch.equal(first[name], second[name])


def test_the_experiment_of_next_letters_resumes_and_pairs_its_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def loaded(name: str) -> Task:
        seen.append(name)
        return small(name)

    monkeypatch.setattr(next_letters, "networks", few)
    monkeypatch.setattr(next_letters, "load_task", loaded)
    monkeypatch.setattr(next_letters, "FASTER", replace(next_letters.FASTER, batch_size=64))
    arms = {name: replace(arm, epochs=arm.epochs // 15) for name, arm in next_letters.ARMS.items()}
    monkeypatch.setattr(next_letters, "ARMS", arms)
    monkeypatch.setitem(MODELS, "mixture", MODELS["bayesian_ridge"])
    lines: list[str] = []

    (row,) = next_letters.reber_next(tmp_path, lines.append, ("tanh",), (0,)).rows
    assert seen == ["reber", "reber_next", "reber"]
    next_letters.reber_next(tmp_path, lines.append, ("tanh",), (0,))
    assert len(seen) == 3, "nothing is trained twice"
    assert row["graphs"] == 6
    gain = row["accuracy_reber_next"] - row["accuracy_reber_twice"]
    assert row["accuracy_gain_over_reber_twice"] == pytest.approx(gain)
    gain = row["long_accuracy_reber_next"] - row["long_accuracy_reber"]
    assert row["long_accuracy_gain_over_reber"] == pytest.approx(gain)
    assert 0.0 <= row["legality"] <= row["legality_best"] <= 1.0


def test_the_control_takes_as_many_steps_as_there_are_with_next_letters() -> None:
    steps = {name: arm.epochs * len(load_task(arm.task).train) for name, arm in next_letters.ARMS.items()}
    assert steps[next_letters.TWICE] == steps[next_letters.BOTH] == 2 * steps[next_letters.JUDGING]
