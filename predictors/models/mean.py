"""The mean of the training targets: what any predictor must beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from predictors.models.arrays import pack, unpack
from predictors.models.model import Floats, Model


class Mean(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts the training mean whatever the row."""

    suffix = "npz"

    def fit(self, x: Floats, y: Floats) -> Self:
        """Remember the mean of y (n,)."""
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, x: Floats) -> Floats:
        """Return the mean, (m,)."""
        return np.full(len(x), self.mean_)

    def dump(self) -> bytes:
        """Return the mean as npz bytes."""
        return pack(mean=self.mean_)

    def restore(self, content: bytes) -> Self:
        """Take over a dumped mean."""
        self.mean_ = float(unpack(content)["mean"])
        return self


def mean(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return the unfitted baseline; columns, seed and threads do not matter to it."""
    return Mean()
