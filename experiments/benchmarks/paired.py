"""Intervals of paired differences: the form in which this project states that one thing beats another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences with its confidence interval, and how many pairs favoured the first."""

    mean: float
    low: float
    high: float
    wins: int
    pairs: int

    @property
    def settled(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def paired_difference(first: Sequence[float], second: Sequence[float], confidence: float = 0.95) -> Difference:
    """Return first - second over pairs, with Student's t interval.

    Raises:
        ValueError: fewer than two pairs, or unequal numbers of them.
    """
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(f"pairs must be at least two and complete; got {len(first)} and {len(second)} values.")
    differences = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    count = len(differences)
    half = float(stats.t.ppf(0.5 + confidence / 2, count - 1)) * float(differences.std(ddof=1)) / math.sqrt(count)
    mean = float(differences.mean())
    return Difference(mean, mean - half, mean + half, int((differences > 0).sum()), count)
