"""What a terminal shows of a search while it runs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from experiments.terminal.running_table import MOST, Running, running_table
from experiments.terminal.search_progress import SearchProgress
from nas.events import Closed, Retried, Started
from nas.outcomes import Failure
from nas.records import Record

CANDIDATE = {"sparsity": {"method": "snip", "allocation": "erk", "density": 0.2}}


def running(number: int, **fields: object) -> Record:
    return Record(number, (0,), str(number), "running", candidate=CANDIDATE, **fields)  # type: ignore[arg-type]


def shown(renderable: object) -> list[str]:
    console = Console(file=io.StringIO(), width=100)
    console.print(renderable)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


def test_running_trials_are_listed_longest_first() -> None:
    trials = [Running(running(7, rung=1), 90.0), Running(running(3, attempts=2, half_batch=True), 40.0)]
    lines = shown(running_table(trials, (1, 3), now=100.0))
    assert lines[1].split() == ["3", "20", "%", "snip,", "erk", "1", "2,", "half", "batch", "1", "min", "0", "s"]
    assert lines[2].split() == ["7", "20", "%", "snip,", "erk", "3", "1", "10", "s"]


def test_of_hundreds_only_the_longest_are_shown() -> None:
    lines = shown(running_table([Running(running(number), float(number)) for number in range(64)], (8,), now=100.0))
    assert len(lines) == MOST + 2 and f"and {64 - MOST} more" in lines[-1]


def test_a_trial_is_listed_from_its_start_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    progress = SearchProgress(Console(file=io.StringIO(), force_terminal=True, width=100), [], 10, (8,))
    progress(Started(running(0)))
    progress(Started(running(1)))
    progress(Retried(running(1, attempts=2), Failure("worker_died", "signal 9")))
    assert [line.split()[0] for line in shown(progress._render())[2:]] == ["trial", "0", "1"]
    progress(Closed(Record(0, (0,), "0", "failed", Failure("exception", "x"), candidate=CANDIDATE)))
    lines = shown(progress._render())
    assert [line.split()[0] for line in lines[2:]] == ["trial", "1"]
    assert "1 running" in lines[1] and "1 failed" in lines[1]
