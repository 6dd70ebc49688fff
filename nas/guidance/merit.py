"""The scale on which guides learn: the negative logarithm of the error, so that halving it counts alike everywhere."""

from __future__ import annotations

from typing import overload

import numpy as np

from nas.guidance.guide import Floats

FLOOR = 0.005
"""Added to the error: below half a percent, differences between networks are noise."""


def merit(accuracies: Floats) -> Floats:
    """Return -log(1 + FLOOR - accuracy) for accuracies in [0, 1]; rises with accuracy, from -0.005 to 5.3."""
    return np.asarray(-np.log(1.0 + FLOOR - np.asarray(accuracies, dtype=np.float64)))


@overload
def accuracy(merits: Floats) -> Floats: ...
@overload
def accuracy(merits: float) -> float: ...
def accuracy(merits: Floats | float) -> Floats | float:
    """Return the accuracies of merits: the inverse of `merit`, cut to [0, 1]."""
    found = np.clip(1.0 + FLOOR - np.exp(-np.asarray(merits, dtype=np.float64)), 0.0, 1.0)
    return float(found) if np.ndim(merits) == 0 else np.asarray(found)
