"""Bayesian ridge regression: one of the three published predictors, and a line with an honest penalty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import BayesianRidge as _BayesianRidge

from predictors.models.arrays import Arrays
from predictors.models.estimator import Regressor
from predictors.models.model import Floats, Model


class BayesianRidge(Regressor):
    """A line on standardised columns whose penalty and noise maximise the marginal likelihood.

    Source: MacKay 1992, Neural Computation 4; used on structure by Stier, Darji and Granitzer 2021, arXiv 2107.12917.
    """

    def _fit(self, x: Floats, y: Floats) -> None:
        spread = x.std(axis=0)
        self.centre_, self.scale_ = x.mean(axis=0), np.where(spread > 0, spread, 1.0)
        self.intercept_, self.weights_ = float(y.mean()), np.zeros(x.shape[1])
        if len(y) > 1:
            found = _BayesianRidge().fit((x - self.centre_) / self.scale_, y)
            self.intercept_, self.weights_ = float(found.intercept_), np.asarray(found.coef_)

    def _predict(self, x: Floats) -> Floats:
        # a row's sum must not depend on the rows beside it, as a matrix product's may
        return np.asarray(self.intercept_ + ((x - self.centre_) / self.scale_ * self.weights_).sum(axis=1))

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


def bayesian_ridge(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return unfitted Bayesian ridge regression; it draws nothing at random."""
    return BayesianRidge()
