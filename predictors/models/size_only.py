"""Ridge regression on two sizes alone: what structure must add to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from predictors.errors import PredictorError
from predictors.models.arrays import pack, unpack
from predictors.models.model import Floats, Model

_COLUMNS = ("size/log_kept", "size/log_multiply_adds")


class Ridge(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Ridge regression on some standardised columns: minimises |y - Zw - c|^2 + penalty |w|^2, c free.

    Args:
        columns: which columns to use.
        penalty: in units of standardised rows; 1 is one row's worth.
    """

    suffix = "npz"

    def __init__(self, columns: Sequence[int] = (0,), penalty: float = 1.0) -> None:
        self.columns = columns
        self.penalty = penalty

    def fit(self, x: Floats, y: Floats) -> Self:
        """Solve the normal equations for rows x (n, columns) and targets y (n,)."""
        chosen = np.asarray(x, dtype=np.float64)[:, list(self.columns)]
        spread = chosen.std(axis=0)
        self.centre_, self.scale_ = chosen.mean(axis=0), np.where(spread > 0, spread, 1.0)
        z = (chosen - self.centre_) / self.scale_
        self.intercept_ = float(np.mean(y))
        gram = z.T @ z + self.penalty * np.eye(z.shape[1])
        self.weights_: Floats = np.linalg.solve(gram, z.T @ (y - self.intercept_))
        return self

    def predict(self, x: Floats) -> Floats:
        """Return (m,) predictions."""
        z = (np.asarray(x, dtype=np.float64)[:, list(self.columns)] - self.centre_) / self.scale_
        return np.asarray(self.intercept_ + (z * self.weights_).sum(axis=1))

    def dump(self) -> bytes:
        """Return the coefficients as npz bytes."""
        return pack(centre=self.centre_, scale=self.scale_, weights=self.weights_, intercept=self.intercept_)

    def restore(self, content: bytes) -> Self:
        """Take over dumped coefficients."""
        found = unpack(content)
        self.centre_, self.scale_, self.weights_ = found["centre"], found["scale"], found["weights"]
        self.intercept_ = float(found["intercept"])
        return self


def size_only(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return unfitted ridge regression on log kept weights and log multiply-adds; seed and threads do not matter.

    Raises:
        PredictorError: the two columns are not there.
    """
    missing = [column for column in _COLUMNS if column not in names]
    if missing:
        raise PredictorError(
            f"model 'size_only' must have the columns {', '.join(_COLUMNS)}; got none named '{missing[0]}'. "
            f"Add the feature group 'size', or choose another model."
        )
    return Ridge(columns=[list(names).index(column) for column in _COLUMNS])
