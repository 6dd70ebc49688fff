"""Medians of interleaved timings: each way in turn, again and again, so that a busy machine is busy for all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any


def interleaved(
    ways: Mapping[str, Callable[[], Any]],
    *,
    seconds: float = 0.3,
    least: int = 5,
    most: int = 200,
    clock: Callable[[], float] = time.thread_time,
) -> dict[str, float]:
    """Return the median seconds of one call of each way.

    Args:
        ways: name -> what to time; each is called once before the clock runs.
        seconds: of measuring, all ways together, after which no further round begins.
        least, most: number of rounds.
        clock: CPU seconds of this thread by default, which other work on the machine does not count in; with one
            thread and an idle machine they are the wall clock's.
    """
    for call in ways.values():
        call()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    spent, rounds = 0.0, 0
    while rounds < least or (spent < seconds and rounds < most):
        for name, call in ways.items():
            start = clock()
            call()
            taken[name].append(clock() - start)
        spent, rounds = sum(map(sum, taken.values())), rounds + 1
    return {name: statistics.median(values) for name, values in taken.items()}
