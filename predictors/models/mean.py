"""The mean of the training targets: what any predictor must beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import Tags

from predictors.models.arrays import Arrays
from predictors.models.estimator import Regressor
from predictors.models.model import Floats, Model


class Mean(Regressor):
    """Predicts the training mean whatever the row."""

    def _fit(self, x: Floats, y: Floats) -> None:
        self.mean_ = float(np.mean(y))

    def _predict(self, x: Floats) -> Floats:
        return np.full(len(x), self.mean_)

    def _arrays(self) -> dict[str, Any]:
        return {"mean": self.mean_}

    def _take(self, found: Arrays) -> None:
        self.mean_ = float(found["mean"])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


def mean(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return the unfitted baseline; columns, seed and threads do not matter to it."""
    return Mean()
