"""Memory that trainings freed and the C library keeps: given back to the system, so that a worker does not grow."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from functools import cache

from nas.executors.executor import Job, Runner
from nas.outcomes import Failure, Outcome

PAUSE_SECONDS = 1.0
"""Between two times: what was given back must be asked for again, which costs milliseconds."""


def tidied(runner: Runner) -> Runner:
    """Return the runner, after whose jobs what is free is given back, once a second at most.

    A training frees tensors of many sizes, and glibc keeps what lies between those still in use: after hundreds of
    networks of hundreds of shapes that is tens of megabytes, none of it in use.
    """
    last = 0.0

    def run(job: Job) -> Outcome | Failure:
        nonlocal last
        result = runner(job)
        if time.monotonic() - last >= PAUSE_SECONDS:
            give_back()
            last = time.monotonic()
        return result

    return run


def give_back() -> None:
    """Give free memory of this process back to the system, where its C library is one that can (glibc)."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
        return found
    except (AttributeError, OSError, TypeError):  # another C library; Windows has no handle on its own
        return None
