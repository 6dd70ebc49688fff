"""The arithmetic of the fidelity benchmark on searches small enough to add up by hand."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from experiments.benchmarks.fidelity import LADDER, SEEDS, WHOLE, best_of, best_within
from experiments.benchmarks.fidelity_figure import _steps

module = importlib.import_module("experiments.benchmarks.fidelity")


def row(arm: str, seed: int, epochs: int, seconds: float, accuracies: str) -> dict[str, Any]:
    last = float(accuracies.split()[-1]) if accuracies else ""
    return {
        "arm": arm,
        "seed": seed,
        "epochs": epochs,
        "cpu_seconds": seconds,
        "val_accuracy": last,
        "val_accuracies": accuracies,
    }


def curve(*points: float) -> str:
    return " ".join(f"{value:.4f}" for value in (*points[:1], 0.0, *points[1:2], 0, 0, 0, 0, 0, *points[2:]))


def whole(seed: int) -> list[dict[str, Any]]:
    ends = ((0.5, 0.6, 0.7), (0.3, 0.7, 0.9), (0.4, 0.5, 0.8))
    return [row(WHOLE, seed, 9, 9.0, curve(*end)) for end in ends] + [row(WHOLE, seed, 9, 2.0, "")]


def ladder(seed: int) -> list[dict[str, Any]]:
    first = [row(LADDER, seed, 1, 1.0, f"{value}") for value in (0.5, 0.3, 0.4)]
    return [*first, row(LADDER, seed, 3, 2.0, "0.5 0.0 0.6"), row(LADDER, seed, 9, 6.0, curve(0.5, 0.6, 0.7))]


def test_the_best_is_among_those_trained_to_the_end() -> None:
    assert best_of(whole(0)) == 0.9
    assert best_of(ladder(0)) == 0.7


def test_the_best_within_a_time_was_finished_by_then() -> None:
    assert [best_within(whole(0), seconds) for seconds in (8.0, 9.0, 17.9, 18.0)] == [0.0, 0.7, 0.7, 0.9]
    assert best_within(ladder(0), 10.0) == 0.0  # three trials and one promotion took 5 s, the last one 6 more
    assert best_within(ladder(0), 11.0) == 0.7


def test_the_summary_compares_pairs() -> None:
    rows = [one for seed in SEEDS for one in (*whole(seed), *ladder(seed))]
    found = module._summary(rows)
    assert found["training time, rungs over all (mean of ratios)"] == pytest.approx(11 / 29)
    assert found["best accuracy, rungs minus all"]["mean"] == pytest.approx(-0.2)
    assert found["best accuracy, rungs minus all at equal time"]["mean"] == pytest.approx(0.0)
    assert found["searches that end with the best of all"] == 0
    assert found["Kendall tau with the end, at epoch 1"] == pytest.approx(-1.0)
    assert found["Kendall tau with the end, at epoch 3"] == pytest.approx(1 / 3)


def test_the_curve_begins_with_the_first_network_trained_to_the_end() -> None:
    times, errors = _steps(ladder(0), 9)
    assert times == [11.0] and errors == pytest.approx([30.0])
