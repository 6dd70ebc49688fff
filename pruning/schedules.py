"""How the number of kept weights falls from round to round."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator


def exponential(density: float, progress: float) -> float:
    """Return density^progress: each round removes the same share of what is left.

    Source: Tanaka et al., NeurIPS 2020, arXiv 2006.05467, algorithm 1.
    """
    return math.pow(density, progress)


def linear(density: float, progress: float) -> float:
    """Return 1 - (1 - density) progress: each round removes the same number of weights.

    Source: de Jorge et al., ICLR 2021, arXiv 2006.09081 (the linear variant).
    """
    return 1 - (1 - density) * progress


SCHEDULES: dict[str, Callable[[float, float], float]] = {"exponential": exponential, "linear": linear}
"""(final density, finished share of the rounds in [0, 1]) -> density."""


def steps(size: int, kept: int, rounds: int, schedule: str) -> Iterator[int]:
    """Yield the number of weights kept after each of `rounds` rounds: from `size` down to exactly `kept`."""
    for k in range(1, rounds):
        yield max(kept, round(size * SCHEDULES[schedule](kept / size, k / rounds))) if size else 0
    yield kept
