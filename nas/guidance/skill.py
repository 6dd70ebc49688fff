"""Whether a guide knows anything: its rank correlation on records it has not seen, against what chance gives."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import stats

from nas.guidance.guide import Floats, Guide
from predictors.folds import grouped_folds, row_keys

FOLDS = 5
CHANCE = 1.28
"""Deviations above zero that a useless guide exceeds in one of ten cases."""


def skill(make: Callable[[], Guide], x: Floats, y: Floats, rng: np.random.Generator) -> float:
    """Return Kendall's tau between the merits and out-of-fold means, in [-1, 1]; 0 where nothing can be ranked.

    Rows with equal features are held out together.
    """
    keys = row_keys(x)
    if len(set(keys)) < 3 or np.ptp(y) == 0.0:
        return 0.0
    folds = grouped_folds(keys, FOLDS, rng)
    expected = np.empty(len(y))
    for fold in range(folds.max() + 1):
        held_out = folds == fold
        if np.ptp(y[~held_out]) == 0.0:
            expected[held_out] = y[~held_out].mean()
        else:
            expected[held_out] = make().fit(x[~held_out], y[~held_out]).posterior(x[held_out])[0]
    tau = float(stats.kendalltau(y, expected).statistic)
    return tau if math.isfinite(tau) else 0.0


def beats_chance(tau: float, rows: int) -> bool:
    """Return whether tau exceeds what a useless guide reaches in one of ten cases on so many rows.

    Source: Kendall 1938, Biometrika 30: without association tau has mean 0 and variance 2(2n+5) / (9n(n-1)).
    """
    return rows > 1 and tau > CHANCE * math.sqrt(2 * (2 * rows + 5) / (9 * rows * (rows - 1)))
