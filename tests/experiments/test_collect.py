"""From records to a summary: the front against brute force, the best, the stages, and what a failure keeps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from experiments.report.collect import collect, mark_front
from experiments.report.summary import Trial
from experiments.studies import Study
from nas.outcomes import Failure, Outcome
from nas.records import Header, Record
from tests.experiments.summaries import summary

CANDIDATE = {"sparsity": {"method": "snip", "allocation": "erk", "density": 0.1}, "architecture": {"layers": 1}}


def trial(number: int, accuracy: float | None, kept: int, cost: int = 1) -> Trial:
    state = "failed" if accuracy is None else "finished"
    return Trial(number, state, "snip", "erk", 0.1, accuracy=accuracy, kept=kept, total=1000, multiply_adds=cost)  # type: ignore[arg-type]


def test_front_is_what_nothing_dominates() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        points = rng.integers(0, 6, size=(30, 3))
        trials = [trial(i, a / 10, int(k), int(c)) for i, (a, k, c) in enumerate(points)]
        names = ["val_accuracy", "kept", "multiply_adds"]
        costs = points * [-1, 1, 1]
        brute = {tuple(p) for p in costs if not any((q <= p).all() and (q < p).any() for q in costs)}
        marked = [t for t in mark_front(trials, names) if t.on_front]
        assert len(marked) == len(brute)  # of equal points the first alone
        assert {tuple(costs[t.number]) for t in marked} == brute


def test_summary_of_records() -> None:
    outcome = Outcome(val_accuracy=0.9, curve=(), epochs=3, seconds=2.0, kept=10, total=100, multiply_adds=40)
    records = [
        Record(0, (), "a", "finished", outcome, (0.9, 10.0), overhead={"propose": 0.5}, candidate=CANDIDATE),
        Record(1, (), "b", "failed", Failure("time_limit", "too slow", 5.0), attempts=2, candidate=CANDIDATE),
        Record(2, (), "c", "running", overhead={"propose": 0.25, "describe": 1.0}, candidate=CANDIDATE),
    ]
    header = Header("no such task", "mlp", ("val_accuracy", "kept"), 0, "")
    found = collect(Study("s", header, records))
    assert [t.state for t in found.trials] == ["finished", "failed", "running"]
    assert found.failed[0].message == "too slow" and found.failed[0].attempts == 2
    assert [t.number for t in found.front] == [0] and found.front[0].density == 0.1
    assert found.best is not None and found.best.trial == 0 and found.best.layers == ()
    assert found.epochs == 3
    assert found.stages["training"] == pytest.approx(7.0)
    assert found.stages["proposing"] == pytest.approx(0.75) and found.stages["describing"] == pytest.approx(1.0)


def test_summary_of_an_empty_study() -> None:
    found = collect(Study("s", Header("digits", "mlp", ("val_accuracy", "kept"), 0, ""), []))
    assert found.trials == () and found.best is None and found.front == ()


@pytest.mark.parametrize(
    ("epochs", "words"), [((8, 8), "8 epochs each"), ((1, 9), "1 to 9 epochs each"), ((None, None), "")]
)
def test_how_long_trials_were_trained_in_words(epochs: tuple[int | None, ...], words: str) -> None:
    trials = tuple(replace(trial(i, 0.5, 10, 1), epochs=number) for i, number in enumerate(epochs))
    assert replace(summary(2), trials=trials, epochs=None).trained_for == words
