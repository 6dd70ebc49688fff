"""How far a figure may be off: intervals over draws and over rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from predictors.models.model import Floats


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the ends of its interval."""

    mean: float
    low: float
    high: float


def over_draws(values: Sequence[float], level: float = 0.95) -> Interval:
    """Return the mean of independent draws with Student's interval; infinitely wide for a single draw."""
    found = np.asarray(values, dtype=np.float64)
    if len(found) < 2:
        return Interval(float(found.mean()), -np.inf, np.inf)
    half = float(stats.t.ppf(0.5 + level / 2, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found)))
    return Interval(float(found.mean()), float(found.mean()) - half, float(found.mean()) + half)


def over_rows(
    figure: Callable[[Sequence[int]], float],
    keys: Sequence[Hashable],
    rng: np.random.Generator,
    draws: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Return a figure of all rows with its percentile bootstrap interval; rows of one key are drawn together.

    Args:
        figure: row numbers, with repeats -> figure.
        keys: of each row.
        rng: of the draws.
        draws: bootstrap samples.
        level: share of the samples inside.

    Source: Efron and Tibshirani 1993, chapter 13; Field and Welsh 2007 (whole clusters are drawn).
    """
    members: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        members.setdefault(key, []).append(row)
    clusters = [np.array(rows) for rows in members.values()]
    found = []
    for _ in range(draws):
        chosen = rng.integers(len(clusters), size=len(clusters))
        found.append(figure(np.concatenate([clusters[i] for i in chosen])))  # type: ignore[arg-type]
    low, high = np.quantile(found, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(figure(range(len(keys))), float(low), float(high))


def paired_difference(
    metric: Callable[[Floats, Floats], float],
    measured: Floats,
    first: Floats,
    second: Floats,
    keys: Sequence[Hashable],
    rng: np.random.Generator,
    draws: int = 1000,
) -> Interval:
    """Return metric(measured, first) - metric(measured, second) with its bootstrap interval: the same rows for both."""

    def figure(rows: Sequence[int]) -> float:
        chosen = np.asarray(rows)
        return metric(measured[chosen], first[chosen]) - metric(measured[chosen], second[chosen])

    return over_rows(figure, keys, rng, draws)
