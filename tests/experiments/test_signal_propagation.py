from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import pytest

from experiments.report.figures.canvas import render
from experiments.reproduce.signal_propagation import STAGES, network_rows
from experiments.reproduce.signal_propagation_figure import draw
from experiments.reproduce.signal_propagation_summary import interval, summarised
from nas.tasks import load_task


def test_one_network_goes_through_every_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[network_rows.__module__], "WIDTH", 40)  # no wider than the 64 inputs
    task = load_task("digits")
    rows = [row for name in ("orthogonal", "he") for row in network_rows(task, 3, "linear", name, 0)]
    by_stage = {row.stage: row for row in rows if row.initialization == "orthogonal"}
    assert list(by_stage) == list(STAGES)
    assert by_stage["dense"].jsv_mean == pytest.approx(1, abs=1e-5)
    assert by_stage["dense"].condition == pytest.approx(1, abs=1e-4)
    assert by_stage["dense"].departure == pytest.approx(0, abs=1e-5)
    assert by_stage["snip"].departure > by_stage["scaled"].departure > by_stage["isometry"].departure
    assert by_stage["snip"].condition == pytest.approx(by_stage["scaled"].condition, rel=1e-4)
    assert render(lambda: draw(rows + [replace(row, seed=1) for row in rows], 3), "png").startswith(b"\x89PNG")


def test_intervals_are_those_of_the_logarithms() -> None:
    mean, low, high = interval([1.0, 10.0, 100.0])
    assert mean == pytest.approx(10)
    assert high / mean == pytest.approx(mean / low) == pytest.approx(10 ** (4.302653 / math.sqrt(3)), rel=1e-5)
    assert interval([1.0, 0.0]) == (0.0, 0.0, 0.0)
    assert interval([1.0, math.inf]) == (math.inf,) * 3


def test_the_advantage_is_paired_by_seed_and_a_collapse_is_said() -> None:
    row = next(iter(network_rows(load_task("digits"), 3, "linear", "orthogonal", 0)))
    ours = [replace(row, seed=seed, jsv_mean=1.0) for seed in range(3)]
    theirs = [replace(row, initialization="he", seed=seed, jsv_mean=10.0 ** (seed + 1)) for seed in range(3)]
    (found,) = summarised(ours + theirs)["orthogonal_against"]
    assert (found["mean"], found["wins"], found["pairs"]) == (pytest.approx(2.0), 3, 3)
    assert found["high"] - found["mean"] == pytest.approx(4.302653 * np.std([1, 2, 3], ddof=1) / math.sqrt(3), rel=1e-5)
    dead = [replace(one, jsv_mean=0.0) for one in theirs]
    assert summarised(ours + dead)["orthogonal_against"][0]["collapsed"] is True
