"""Trials that note when they ran, for measurements of how busy workers are; workers import this, so it is light."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.executors import Job, Runner
    from nas.outcomes import Failure, Outcome


@dataclass(frozen=True)
class Timed:
    """What to run, and the file to which each trial adds its process and the seconds of its start and end.

    Seconds are of the machine's monotonic clock, which all its processes share.
    """

    make_runner: Callable[[Any, Any], Runner]
    settings: Any
    file: Path


def make_timed_runner(timed: Timed, payload: Any) -> Runner:
    """Return the runner of `timed`, each of whose trials leaves a line in the file."""
    runner = timed.make_runner(timed.settings, payload)

    def run(job: Job) -> Outcome | Failure:
        start = time.monotonic()
        result = runner(job)
        with timed.file.open("a") as file:
            file.write(json.dumps([os.getpid(), start, time.monotonic()]) + "\n")
        return result

    return run


def spans_of(file: Path) -> dict[int, list[tuple[float, float]]]:
    """Return the start and end of each trial in such a file, by worker, in order."""
    spans: dict[int, list[tuple[float, float]]] = {}
    for line in file.read_text().splitlines():
        process, start, end = json.loads(line)
        spans.setdefault(int(process), []).append((start, end))
    return {process: sorted(found) for process, found in spans.items()}
