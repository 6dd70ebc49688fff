"""Means over seeds with their intervals, and paired comparisons, of the signal propagation rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from experiments.benchmarks.paired import paired_difference

if TYPE_CHECKING:
    from experiments.reproduce.signal_propagation import Row


def summarised(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the table of means over seeds and the orthogonal networks' advantage, paired by seed."""
    return {"means": _means(rows), "orthogonal_against": _advantages(rows)}


def interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Return the geometric mean of positive values and Student's t interval, all computed on logarithms.

    Infinite or zero values make all three infinite or zero: a mean over seeds that hides a collapse is no mean.
    """
    logs = np.log(np.asarray(values, dtype=float), where=np.asarray(values) > 0, out=np.full(len(values), -math.inf))
    if not np.isfinite(logs).all():
        worst = math.inf if np.isposinf(logs).any() else 0.0
        return worst, worst, worst
    half = float(stats.t.ppf(0.5 + confidence / 2, len(logs) - 1)) * float(logs.std(ddof=1)) / math.sqrt(len(logs))
    mean = float(logs.mean())
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


def groups(rows: Sequence[Row]) -> dict[tuple[int, str, str, str], list[Row]]:
    """Return (depth, activation, initialization, stage) -> rows by seed."""
    found: dict[tuple[int, str, str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.seed):
        found.setdefault((row.depth, row.activation, row.initialization, row.stage), []).append(row)
    return found


def _means(rows: Sequence[Row]) -> list[dict[str, Any]]:
    means = []
    for (depth, activation, initialization, stage), group in groups(rows).items():
        mean, low, high = interval([row.jsv_mean for row in group])
        means.append(
            {
                "depth": depth,
                "activation": activation,
                "initialization": initialization,
                "stage": stage,
                "seeds": len(group),
                "jsv_mean": mean,
                "jsv_mean_low": low,
                "jsv_mean_high": high,
                "jsv_spread": float(np.mean([row.jsv_spread for row in group])),
                "condition_median": float(np.median([row.condition for row in group])),
                "departure": float(np.mean([row.departure for row in group])),
                "least_density": float(np.mean([row.least_density for row in group])),
            }
        )
    return means


def _advantages(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return how many decades closer to 1 the orthogonal network's mean singular value is, paired by seed.

    Where a mean of exactly 0 occurs, there is no such number, and the entry says "collapsed".
    """
    by_group, found = groups(rows), []
    for (depth, activation, initialization, stage), group in by_group.items():
        if initialization == "orthogonal":
            continue
        best = by_group[depth, activation, "orthogonal", stage]
        ours, theirs = [_decades(row) for row in best], [_decades(row) for row in group]
        finite = np.isfinite([*ours, *theirs]).all()
        difference = asdict(paired_difference(theirs, ours)) if finite else {"collapsed": True}
        found.append(
            {"depth": depth, "activation": activation, "stage": stage, "against": initialization, **difference}
        )
    return found


def _decades(row: Row) -> float:
    return abs(math.log10(row.jsv_mean)) if row.jsv_mean > 0 else math.inf
