"""How busy workers were, by hand, and the file in which their trials note it."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import short_trials
from experiments.benchmarks.utilisation import busy
from experiments.timed_trials import Timed, make_timed_runner, spans_of
from nas.candidates import Candidate
from nas.executors import Job
from pruning import Sparsity
from search_spaces import Architecture


def test_busy_by_hand() -> None:
    """Asked for at 0; steady from 3 (both have begun) to 12 (the last start): 8 of 9 and 7 of 9 seconds busy."""
    found = busy({1: [(2.0, 6.0), (7.0, 12.0), (12.0, 14.0)], 2: [(3.0, 5.0), (6.0, 10.0), (11.0, 13.0)]}, 0.0)
    assert found["least_busy"] == pytest.approx(7 / 9, abs=1e-4)
    assert found["most_busy"] == pytest.approx(8 / 9, abs=1e-4)
    assert found["with_start"] == pytest.approx((11 + 8) / 28, abs=1e-4)
    assert (found["start_seconds"], found["gap_milliseconds"]) == (3.0, 750.0)
    assert found["seconds_for_95"] == pytest.approx(0.75 * 19, abs=0.051)


def test_trials_note_when_they_ran(tmp_path: Path) -> None:
    runner = make_timed_runner(Timed(short_trials.make_runner, 0.01, tmp_path / "spans"), None)
    candidate = Candidate(Architecture("mlp", (0,)), Sparsity("random", 0.5), 3)
    assert runner(Job(0, candidate)) == runner(Job(1, candidate)) == short_trials.outcome_of(candidate)
    ((first, second),) = spans_of(tmp_path / "spans").values()
    assert first[0] <= first[1] <= second[0] <= second[1]
