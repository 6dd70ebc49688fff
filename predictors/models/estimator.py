"""What all models share: scikit-learn's checks on the way in, and files without code on the way out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from predictors.models.arrays import Arrays, pack, unpack
from predictors.models.model import Floats

_LEAST = 1e-9


class Regressor(RegressorMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A scikit-learn regressor that is also arrays: a model gives `_fit`, `_predict`, `_arrays` and `_take`.

    Rows and targets reach the model as finite float64; what scikit-learn's conventions ask beyond that is met here.
    """

    suffix = "npz"
    n_features_in_: int

    def fit(self, x: Floats, y: Floats) -> Self:
        """Fit to rows x (n, columns) and targets y (n,), all finite; return self."""
        x, y = validate_data(self, x, y, dtype=np.float64, y_numeric=True)
        self._fit(x, np.asarray(y, dtype=np.float64))
        return self

    def predict(self, x: Floats) -> Floats:
        """Return (m,) predictions for rows x (m, columns)."""
        return self._predict(self._checked(x))

    def deviation(self, x: Floats) -> Floats:
        """Return how much of an error to expect on rows x (m, columns), up to a factor: (m,), 1 if all are alike."""
        return np.maximum(self._deviation(self._checked(x)), _LEAST)

    def _deviation(self, x: Floats) -> Floats:
        return np.ones(len(x))

    def dump(self) -> bytes:
        """Return the fitted model as npz bytes."""
        check_is_fitted(self)
        return pack(n_features=self.n_features_in_, **self._arrays())

    def restore(self, content: bytes) -> Self:
        """Take over a dumped model; it predicts the same bits."""
        found = unpack(content)
        self.n_features_in_ = int(found["n_features"])
        self._take(found)
        return self

    def _checked(self, x: Floats) -> Floats:
        check_is_fitted(self)
        checked: Floats = validate_data(self, x, reset=False, dtype=np.float64)
        return checked

    @abstractmethod
    def _fit(self, x: Floats, y: Floats) -> None:
        """Fit to checked rows and targets."""

    @abstractmethod
    def _predict(self, x: Floats) -> Floats:
        """Predict for checked rows."""

    @abstractmethod
    def _arrays(self) -> dict[str, Any]:
        """Return what was fitted, by name; `n_features` is taken."""

    @abstractmethod
    def _take(self, found: Arrays) -> None:
        """Take over what `_arrays` returned."""
