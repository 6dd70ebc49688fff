"""A Gaussian process with one length scale for each block of columns: the strongest model on few rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize
from scipy.spatial.distance import squareform

from predictors.models.arrays import Arrays
from predictors.models.estimator import Regressor
from predictors.models.matern import BlockKernel, block_distances, pair_distances, singles
from predictors.models.model import Floats

_CLIP = 4.0
_JITTERS = (0.0, 1e-8, 1e-6, 1e-4, 1e-2, 1e-1)


class BlockMatern(Regressor):
    """Posterior of a Gaussian process on standardised targets: `BlockKernel` plus independent noise.

    Length scales, amplitudes and the noise maximise the marginal likelihood times weak priors, by L-BFGS with the
    exact gradient, from the priors' means: log l ~ N(0.5, 1), log v ~ N(-1, 2^2), log noise ~ N(-3, 2^2). Columns are
    standardised by the training rows and clipped to four standard deviations, so that a row far outside falls back
    towards the mean instead of steering it.

    Args:
        blocks: columns of each block; None for one block of all columns.
        raw: numbers of blocks whose columns share one unit and are used as they are.
        iterations: of L-BFGS.
        most_rows: rows that the kernel's parameters are fitted on, drawn with `seed` if there are more; the posterior
            always uses all rows, at n^3 / 3 multiply-adds.
        seed: of that draw; nothing else is random.

    Source: Rasmussen and Williams 2006, algorithm 2.1 and equations 5.8 and 5.9.
    """

    def __init__(
        self,
        blocks: Sequence[Sequence[int]] | None = None,
        raw: Sequence[int] = (),
        iterations: int = 40,
        most_rows: int = 500,
        seed: int = 0,
    ) -> None:
        self.blocks = blocks
        self.raw = raw
        self.iterations = iterations
        self.most_rows = most_rows
        self.seed = seed

    @overload
    def predict(self, x: Floats) -> Floats: ...

    @overload
    def predict(self, x: Floats, return_std: Literal[False]) -> Floats: ...

    @overload
    def predict(self, x: Floats, return_std: Literal[True]) -> tuple[Floats, Floats]: ...

    def predict(self, x: Floats, return_std: bool = False) -> Floats | tuple[Floats, Floats]:
        """Return the posterior mean (m,) and, if asked, the standard deviation (m,) of a measurement there."""
        checked = self._checked(x)
        mean = self._predict(checked)
        return (mean, self._deviation(checked)) if return_std else mean

    def _fit(self, x: Floats, y: Floats) -> None:
        spread = x.std(axis=0)
        self.centre_, self.scale_ = x.mean(axis=0), np.where(spread > 0, spread, 1.0)
        for number in self.raw:
            columns = list(self._columns()[number])
            self.centre_[columns], self.scale_[columns] = 0.0, 1.0
        self.mean_, self.deviation_ = float(y.mean()), float(y.std()) or 1.0
        self.rows_ = self._standardised(x)
        targets = (y - self.mean_) / self.deviation_
        chosen = np.arange(len(y))
        if len(y) > self.most_rows:
            chosen = np.sort(np.random.default_rng(self.seed).choice(len(y), self.most_rows, replace=False))
        distances = pair_distances(self._parts(self.rows_[chosen]))
        self.theta_ = fitted_theta(distances, targets[chosen], self.iterations)
        self.factor_ = self._factor()
        self.alpha_: Floats = cho_solve((self.factor_, True), targets)

    def _predict(self, x: Floats) -> Floats:
        return np.asarray(self.mean_ + self.deviation_ * (self._between(x) @ self.alpha_))

    def _deviation(self, x: Floats) -> Floats:
        explained = solve_triangular(self.factor_, self._between(x).T, lower=True)
        prior = self._kernel().variance + float(np.exp(self.theta_[-1]))
        return np.asarray(self.deviation_ * np.sqrt(np.maximum(prior - (explained**2).sum(axis=0), 0.0)))

    def _arrays(self) -> dict[str, Any]:
        return {
            "centre": self.centre_,
            "scale": self.scale_,
            "theta": self.theta_,
            "rows": self.rows_,
            "alpha": self.alpha_,
            "target": [self.mean_, self.deviation_],
        }

    def _take(self, found: Arrays) -> None:
        self.centre_, self.scale_, self.theta_ = found["centre"], found["scale"], found["theta"]
        self.rows_, self.alpha_ = found["rows"], found["alpha"]
        self.mean_, self.deviation_ = (float(value) for value in found["target"])
        self.factor_ = self._factor()

    def _columns(self) -> Sequence[Sequence[int]]:
        return [range(self.n_features_in_)] if self.blocks is None else self.blocks

    def _standardised(self, x: Floats) -> Floats:
        z = np.clip((x - self.centre_) / self.scale_, -_CLIP, _CLIP)
        for number in self.raw:
            columns = list(self._columns()[number])
            z[:, columns] = x[:, columns]
        return np.asarray(z)

    def _parts(self, z: Floats) -> list[Floats]:
        return [z[:, list(columns)] for columns in self._columns()]

    def _kernel(self) -> BlockKernel:
        return BlockKernel.of(self.theta_, len(self._columns()))

    def _between(self, x: Floats) -> Floats:
        return self._kernel()(block_distances(self._parts(self._standardised(x)), self._parts(self.rows_)))

    def _factor(self) -> Floats:
        kernel = self._kernel()
        covariance = squareform(kernel(pair_distances(self._parts(self.rows_))))
        return factor(covariance, kernel.variance, float(np.exp(self.theta_[-1])))


def fitted_theta(distances: Floats, targets: Floats, iterations: int) -> Floats:
    """Return the log parameters (see `BlockKernel.of`, then log noise) that maximise the posterior density."""
    blocks = len(distances)
    start = prior(blocks)[0]
    found = minimize(
        lambda theta: negative_log_posterior(theta, distances, targets),
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(m - 8.0, m + 8.0) for m in start],
        options={"maxiter": iterations},
    )
    return np.asarray(found.x, dtype=np.float64)


def prior(blocks: int) -> tuple[Floats, Floats]:
    """Return the means and standard deviations of the log parameters' normal priors."""
    amplitudes = 1 + singles(blocks)
    means = np.array([0.5] * blocks + [-1.0] * amplitudes + [-3.0])
    return means, np.array([1.0] * blocks + [2.0] * amplitudes + [2.0])


def negative_log_posterior(theta: Floats, distances: Floats, targets: Floats) -> tuple[float, Floats]:
    """Return -log p(targets, theta), up to a constant, and its gradient.

    Args:
        theta: log parameters, see `fitted_theta`.
        distances: (blocks, pairs) between the rows, each pair once, in scipy's condensed order.
        targets: (n,), standardised.

    Source: Rasmussen and Williams 2006, equations 5.8 and 5.9, with normal priors on the log parameters.
    """
    blocks, count, noise = len(distances), len(targets), float(np.exp(theta[-1]))
    kernel = BlockKernel.of(theta, blocks)
    covariance, parts = kernel.with_gradient(distances)
    lower = factor(squareform(covariance), kernel.variance, noise)
    alpha = cho_solve((lower, True), targets)
    inverse = dpotri(lower, lower=1)[0].T
    pairs = (inverse - alpha[:, None] * alpha)[np.triu_indices(count, 1)]
    diagonal = float(np.trace(inverse)) - float(alpha @ alpha)
    # equation 5.9: the slope is tr(W dK/dtheta) / 2 with W = K^-1 - alpha alpha^T; on K's diagonal stand amplitudes
    slopes = np.array([2.0 * float(pairs @ part) for part in parts] + [noise * diagonal])
    slopes[blocks:-1] += diagonal * np.exp(theta[blocks:-1])
    means, spreads = prior(blocks)
    away = (theta - means) / spreads
    value = 0.5 * float(targets @ alpha) + float(np.log(np.diag(lower)).sum()) + 0.5 * float(away @ away)
    return value, np.asarray(0.5 * slopes + away / spreads)


def factor(covariance: Floats, variance: float, noise: float) -> Floats:
    """Return the lower Cholesky factor of a covariance matrix, with the least jitter (at most 0.1) that lets it be.

    The matrix is `covariance` (n, n) off the diagonal, and variance + noise on it.
    """
    matrix = covariance.copy()
    for jitter in _JITTERS:
        np.fill_diagonal(matrix, variance + noise + jitter)
        try:
            return np.asarray(cholesky(matrix, lower=True, check_finite=False))
        except np.linalg.LinAlgError:
            continue
    raise np.linalg.LinAlgError("covariance must be positive definite; got one that is not, whatever the jitter")
