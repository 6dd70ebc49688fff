"""What `bench hypervolume` concludes from its trials: shares of a rectangle, differences of pairs, what it all cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.paired import paired_difference
from nas.hypervolume import hypervolumes
from predictors.evaluation import bootstrap

MARKS = (20, 30, 40)
CHANCE = 0.1
HALF_AN_IMAGE = 0.5 / 360
"""Of the validation split: a smaller error counts as this one."""

Row: TypeAlias = Mapping[str, Any]
Floats: TypeAlias = NDArray[np.float64]
Shares: TypeAlias = Mapping[str, Floats]
"""Arm -> share dominated after each trial, (seeds, trials)."""


def _over_chance(accuracies: Floats) -> Floats:
    return (accuracies - CHANCE) / (1.0 - CHANCE)


def _log_error(accuracies: Floats) -> Floats:
    errors = np.maximum(1.0 - accuracies, HALF_AN_IMAGE)
    return np.asarray(np.log(errors / (1.0 - CHANCE)) / np.log(HALF_AN_IMAGE / (1.0 - CHANCE)))


def _log_weights(kept: Floats, least: float, most: float) -> Floats:
    return np.asarray(np.log(most / kept) / np.log(most / least))


def _weights(kept: Floats, least: float, most: float) -> Floats:
    return (most - kept) / (most - least)


SCALES: Mapping[str, tuple[Callable[[Floats], Floats], Callable[[Floats, float, float], Floats]]] = {
    "accuracy, log weights": (_over_chance, _log_weights),
    "log error, log weights": (_log_error, _log_weights),
    "accuracy, weights": (_over_chance, _weights),
}
"""How trials become points of the unit square: (0, 0) is chance and the most weights that any search trained, (1, 1)
no error and the fewest."""
CHOSEN = "accuracy, log weights"
"""The scale that counts, as it was chosen before the searches were run."""


def shares_of(rows: Sequence[Row], scale: str) -> dict[str, Floats]:
    """Return each arm's share of the square that is dominated after each trial, (seeds, trials).

    Args:
        rows: trials in their order, with `arm`, `seed`, `val_accuracy` and `kept`; as many in every search.
        scale: a name of SCALES.
    """
    accuracies, kept = (np.array([float(row[key]) for row in rows]) for key in ("val_accuracy", "kept"))
    good, small = SCALES[scale]
    points = np.stack([good(accuracies), small(kept, float(kept.min()), float(kept.max()))], axis=1)
    searches: dict[str, dict[int, list[int]]] = {}
    for place, row in enumerate(rows):
        searches.setdefault(row["arm"], {}).setdefault(row["seed"], []).append(place)
    return {
        arm: np.stack([hypervolumes(points[places], np.zeros(2)) for _, places in sorted(of_seeds.items())])
        for arm, of_seeds in searches.items()
    }


def summarised(rows: Sequence[Row], shares: Mapping[str, Shares]) -> dict[str, Any]:
    """Return shares at the marks, differences of each two arms at the end on each scale, and what the arms cost."""
    found: dict[str, Any] = {}
    for scale, of_arms in shares.items():
        for arm, values in of_arms.items():
            ends = {mark: values[:, mark - 1] for mark in MARKS if mark <= values.shape[1]}
            found[f"{scale}: {arm}"] = {str(m): [float(v.mean()), float(np.median(v))] for m, v in ends.items()}
        for first, second in combinations(of_arms, 2):
            found[f"{scale}: {first} minus {second}"] = _difference(of_arms[first][:, -1], of_arms[second][:, -1])
    return {**found, **{arm: _costs([row for row in rows if row["arm"] == arm]) for arm in shares[CHOSEN]}}


def _difference(first: Floats, second: Floats) -> dict[str, float]:
    """Return mean and median of the differences of pairs with 95 % bootstrap intervals, and how many are above 0.

    Beside the mean's stands Student's interval, which is wider for few pairs, where a bootstrap's is too narrow.
    """
    gaps = first - second
    mean, median = bootstrap(
        lambda pairs: np.array([gaps[pairs].mean(), np.median(gaps[pairs])]),
        range(len(gaps)),
        np.random.default_rng(0),
        draws=10_000,
    )
    student = paired_difference(list(first), list(second))
    return {
        "mean": mean.mean,
        "low": mean.low,
        "high": mean.high,
        "t_low": student.low,
        "t_high": student.high,
        "median": median.mean,
        "median_low": median.low,
        "median_high": median.high,
        "wins": student.wins,
    }


def _costs(rows: Sequence[Row]) -> dict[str, float]:
    """Return means over searches of what an arm's searches did and cost."""
    searches = len({row["seed"] for row in rows})
    return {
        "repeated trials": sum(row["repeated"] for row in rows) / searches,
        "refused candidates": sum(row["refused_before"] for row in rows) / searches,
        "trials at chance": sum(row["val_accuracy"] < 2 * CHANCE for row in rows) / searches,
        "training CPU seconds": sum(row["training_cpu_seconds"] for row in rows) / searches,
        "other CPU seconds": sum(row["search_cpu_seconds"] for row in rows) / len(rows),
    }
