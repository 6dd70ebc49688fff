"""A Gaussian process with a Matérn kernel: smooth, and strong on few rows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from predictors.models.arrays import pack, unpack
from predictors.models.model import Floats, Model


class MaternProcess(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Posterior mean of a Matérn-5/2 process with noise, on standardised columns.

    Amplitude, one length scale and the noise maximise the marginal likelihood. Columns are clipped to four standard
    deviations, so that a row far outside the training data falls back towards the mean instead of steering it.
    """

    suffix = "npz"

    def fit(self, x: Floats, y: Floats) -> Self:
        """Fit the kernel to rows x (n, columns) and targets y (n,)."""
        x = np.asarray(x, dtype=np.float64)
        spread = x.std(axis=0)
        self.centre_, self.scale_ = x.mean(axis=0), np.where(spread > 0, spread, 1.0)
        z = self._standardised(x)
        process = GaussianProcessRegressor(_kernel(x.shape[1]), normalize_y=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a length scale at its bound is an answer
            process.fit(z, y)
        self.theta_: Floats = np.asarray(process.kernel_.theta)
        self.rows_: Floats = z
        self.alpha_: Floats = np.asarray(process.alpha_).ravel() * float(np.std(y) or 1.0)
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, x: Floats) -> Floats:
        """Return the posterior mean, (m,)."""
        kernel = _kernel(self.rows_.shape[1]).clone_with_theta(self.theta_)
        z = self._standardised(np.asarray(x, dtype=np.float64))
        return np.asarray(self.mean_ + kernel(z, self.rows_) @ self.alpha_, dtype=np.float64)

    def dump(self) -> bytes:
        """Return the posterior as npz bytes."""
        return pack(
            centre=self.centre_,
            scale=self.scale_,
            theta=self.theta_,
            rows=self.rows_,
            alpha=self.alpha_,
            mean=self.mean_,
        )

    def restore(self, content: bytes) -> Self:
        """Take over a dumped posterior."""
        found = unpack(content)
        self.centre_, self.scale_, self.theta_ = found["centre"], found["scale"], found["theta"]
        self.rows_, self.alpha_, self.mean_ = found["rows"], found["alpha"], float(found["mean"])
        return self

    def _standardised(self, x: Floats) -> Floats:
        return np.asarray(np.clip((x - self.centre_) / self.scale_, -4.0, 4.0))


def _kernel(columns: int) -> ConstantKernel:
    scale = float(np.sqrt(columns))  # the typical distance of two standardised rows is sqrt(2 columns)
    return ConstantKernel(1.0, (1e-2, 1e3)) * Matern(2 * scale, (0.1 * scale, 1e2 * scale), nu=2.5) + WhiteKernel(
        0.1, (1e-4, 1e1)
    )


def gaussian_process(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return an unfitted Matérn process; it draws nothing at random, and its threads are those of BLAS.

    Source: Rasmussen and Williams 2006, sections 2.2 and 4.2.
    """
    return MaternProcess()
