"""How far a figure may be off: intervals over draws and over rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from predictors.evaluation.protocols import Rows
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


def bootstrap(
    figures: Callable[[Rows], Floats],
    keys: Sequence[Hashable],
    rng: np.random.Generator,
    draws: int = 1000,
    level: float = 0.95,
) -> list[Interval]:
    """Return figures of all rows with their percentile bootstrap intervals; rows of one key are drawn together.

    Args:
        figures: row numbers, with repeats -> (figures,).
        keys: of each row.
        rng: of the draws.
        draws: bootstrap samples, the same for all figures.
        level: share of the samples inside.

    Source: Efron and Tibshirani 1993, chapter 13; Field and Welsh 2007 (whole clusters are drawn).
    """
    members: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        members.setdefault(key, []).append(row)
    clusters = [np.array(rows, dtype=np.int64) for rows in members.values()]
    samples = [
        figures(np.concatenate([clusters[i] for i in rng.integers(len(clusters), size=len(clusters))]))
        for _ in range(draws)
    ]
    low, high = np.quantile(samples, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    whole = figures(np.arange(len(keys)))
    return [Interval(*(float(value) for value in ends)) for ends in zip(whole, low, high, strict=True)]


def over_rows(
    figure: Callable[[Rows], float], keys: Sequence[Hashable], rng: np.random.Generator, draws: int = 1000
) -> Interval:
    """Return one figure with its 95 % bootstrap interval, see `bootstrap`."""
    return bootstrap(lambda rows: np.array([figure(rows)]), keys, rng, draws)[0]


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

    def figure(rows: Rows) -> float:
        return metric(measured[rows], first[rows]) - metric(measured[rows], second[rows])

    return over_rows(figure, keys, rng, draws)
