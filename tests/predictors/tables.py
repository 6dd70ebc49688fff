"""Made-up tables of features and accuracies for the tests of this folder."""

from __future__ import annotations

import numpy as np

from predictors.models.model import Floats

NAMES = (
    "size/log_kept",
    "size/log_multiply_adds",
    "density/mean",
    "density/min",
    "paths/log_count",
    "degree/x",
    "erk/log_kept",
    "erk/log_multiply_adds",
    "erk/over_log_mean",
)


def table(count: int, seed: int, noise: float = 0.02) -> tuple[list[dict[str, float]], list[float]]:
    """Return rows of independent normal columns and accuracies that rise with the first two, not in a line."""
    rng = np.random.default_rng(seed)
    x: Floats = rng.normal(size=(count, len(NAMES)))
    y = 0.6 + 0.15 * np.tanh(x[:, 0]) + 0.05 * x[:, 0] * x[:, 1] + noise * rng.normal(size=count)
    rows = [dict(zip(NAMES, values, strict=True)) for values in x.tolist()]
    return rows, np.clip(y, 0, 1).tolist()
