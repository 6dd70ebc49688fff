"""Ridge regression on two sizes alone: what structure must add to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import Tags

from predictors.errors import PredictorError
from predictors.models.arrays import Arrays
from predictors.models.estimator import Regressor
from predictors.models.model import Floats, Model

_COLUMNS = ("size/log_kept", "size/log_multiply_adds"), ("counts/log_nodes", "counts/log_edges")
"""The two sizes of a masked network, and of a bare graph."""


class Ridge(Regressor):
    """Ridge regression on some standardised columns: minimises |y - Zw - c|^2 + penalty |w|^2, c free.

    Args:
        columns: which columns to use.
        penalty: in units of standardised rows; 1 is one row's worth.
    """

    def __init__(self, columns: Sequence[int] = (0,), penalty: float = 1.0) -> None:
        self.columns = columns
        self.penalty = penalty

    def _fit(self, x: Floats, y: Floats) -> None:
        chosen = x[:, list(self.columns)]
        spread = chosen.std(axis=0)
        self.centre_, self.scale_ = chosen.mean(axis=0), np.where(spread > 0, spread, 1.0)
        z = (chosen - self.centre_) / self.scale_
        self.intercept_ = float(np.mean(y))
        gram = z.T @ z + self.penalty * np.eye(z.shape[1])
        self.weights_: Floats = np.linalg.solve(gram, z.T @ (y - self.intercept_))

    def _predict(self, x: Floats) -> Floats:
        z = (x[:, list(self.columns)] - self.centre_) / self.scale_
        return np.asarray(self.intercept_ + (z * self.weights_).sum(axis=1))

    def _arrays(self) -> dict[str, Any]:
        return {
            "centre": self.centre_,
            "scale": self.scale_,
            "weights": self.weights_,
            "intercept": self.intercept_,
        }

    def _take(self, found: Arrays) -> None:
        self.centre_, self.scale_, self.weights_ = found["centre"], found["scale"], found["weights"]
        self.intercept_ = float(found["intercept"])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # a single column, by default
        return tags


def size_only(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return unfitted ridge regression on a network's two sizes; seed and threads do not matter.

    They are log kept weights and log multiply-adds, or log nodes and log edges of a bare graph.

    Raises:
        PredictorError: neither pair of columns is there.
    """
    for pair in _COLUMNS:
        if all(column in names for column in pair):
            return Ridge(columns=[list(names).index(column) for column in pair])
    asked = ", or ".join(" and ".join(pair) for pair in _COLUMNS)
    raise PredictorError(
        f"model 'size_only' must have the columns {asked}; got {len(names)} columns, none of these pairs. "
        f"Add the feature group 'size', or choose another model."
    )
