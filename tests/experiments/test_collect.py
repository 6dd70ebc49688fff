"""From records to a summary: the front against brute force, the best, the stages, and what a failure keeps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from experiments.report.collect import collect, mark_front
from experiments.report.markdown import markdown
from experiments.report.page import page
from experiments.report.summary import Trial
from experiments.report.table import write_table
from experiments.report.words import short_time
from experiments.studies import Study
from experiments.tables import read_csv, samples
from experiments.terminal.tables import front_table
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


def test_what_was_measured_beside_is_an_objective_like_any_other() -> None:
    """Trial 1 is less accurate and no smaller, but faster; trial 2 was not measured and so is on no front."""
    names = ("val_accuracy", "kept", "latency_seconds")
    made = [(0.9, {"latency_seconds": 2e-3}), (0.8, {"latency_seconds": 5e-4}), (0.7, {})]
    trials = [replace(trial(number, accuracy, 10), measures=found) for number, (accuracy, found) in enumerate(made)]
    assert [t.on_front for t in mark_front(trials, names)] == [True, True, False]
    assert [t.on_front for t in mark_front(trials, names[:2])] == [True, False, False]


def test_measures_are_on_the_page_in_the_tables_and_in_the_file(tmp_path: Path) -> None:
    outcome = Outcome(0.9, (), 3, 2.0, kept=10, total=100, multiply_adds=40, measures={"latency_seconds": 4.2e-4})
    outcome = replace(outcome, measures={**outcome.measures, "long_error": 0.125})
    values = (0.9, 4.2e-4, 0.125)
    record = Record(0, (), "a", "finished", outcome, values, {"counts/kept": 10.0}, candidate=CANDIDATE)
    header = Header("no such task", "mlp", ("val_accuracy", "latency_seconds", "long_error"), 0, "")
    found = collect(Study("s", header, [record]))
    assert found.measured == ("latency_seconds", "long_error")
    console = Console(width=160, record=True)
    console.print(front_table(found))
    for text in (page(found), markdown(found), console.export_text()):
        assert "420\u202fµs" in text and "12.50\u202f%" in text
    write_table([record], tmp_path / "records.csv")
    (row,) = read_csv(tmp_path / "records.csv")
    assert float(row["latency_seconds"]) == 4.2e-4 and float(row["long_error"]) == 0.125
    assert list(samples([row, row], "val_accuracy").rows[0]) == ["counts/kept"], "no predictor is told of it"


def test_short_times_have_the_unit_they_are_read_in() -> None:
    shown = [short_time(seconds) for seconds in (None, 3.14e-5, 2.345e-3, 0.1234, 2.0)]
    assert shown == ["–", "31\u202fµs", "2.3\u202fms", "123\u202fms", "2.0\u202fs"]
