"""Two stages: the accuracy of the ERK mask of the same size, and what the mask's own allocation adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls
from scipy.spatial.distance import cdist
from scipy.special import expit, logit

from predictors.errors import PredictorError
from predictors.models.arrays import Arrays
from predictors.models.estimator import Regressor
from predictors.models.model import Floats, Model

_LEVEL = ("erk/log_kept", "erk/log_multiply_adds")
_PREFIX = "erk/over_"
_EDGES = 0.005, 0.995
_CLIP = 4.0
_LEAST_SCALE = 0.03


class MonotoneDeviation(Regressor):
    """logit(accuracy) = level(size) + deviation(mask - ERK mask), the deviation rising in every column.

    Trees and unconstrained lines fit which network and which density a row is of, and lose across networks; signs known
    beforehand are the decisive regulariser. Two rows are neighbours by a Gaussian kernel on the sizes of their ERK
    masks (log10 of kept entries and multiply-adds), so that masks of one network and density are compared with each
    other.

    1. Weights. y and X less their means over neighbours, y also over its root mean square there, X in standard
       deviations clipped at 4: w >= 0 minimises |Xw - y|^2 + penalty rows |w|^2.
    2. Scale. y ~ (s_0 + s_1 size) Xw, size being log10 kept: how much the allocation matters grows as less is kept.
    3. Level. What the deviation leaves, over rows close to their ERK mask above all: a quadratic in the sizes by ridge,
       plus its residuals' mean over neighbours, which a network never seen does not have.

    Args:
        level: columns log10 kept and log10 multiply-adds of the ERK mask.
        deviations: columns that raise accuracy as they grow; 0 for the ERK mask.
        penalty: on the weights, in units of rows.
        bandwidth: of the kernel, in decades; doubled (up to five times) while half of the rows have no neighbour.
        ridge: on the standardised quadratic, in rows.
        rising: False turns each column round whose covariance with y among neighbours is negative: for columns whose
            signs are not known beforehand, at the price of learning them.
    """

    def __init__(
        self,
        level: Sequence[int] = (0, 1),
        deviations: Sequence[int] = (2,),
        penalty: float = 0.03,
        bandwidth: float = 0.03,
        ridge: float = 0.3,
        rising: bool = True,
    ) -> None:
        self.level = level
        self.deviations = deviations
        self.penalty = penalty
        self.bandwidth = bandwidth
        self.ridge = ridge
        self.rising = rising

    def _fit(self, x: Floats, y: Floats) -> None:
        sizes, over = self._split(x)
        target = logit(np.clip(np.asarray(y, dtype=np.float64), *_EDGES))
        self.sizes_ = sizes
        self.bandwidth_ = self._wide_enough(sizes)
        near = self._near(sizes)
        local = near / near.sum(axis=1, keepdims=True)
        centred, moved = target - local @ target, over - local @ over
        spread = np.sqrt((moved * moved).mean(axis=0))
        signs = np.ones(len(spread)) if self.rising else np.where(moved.T @ centred < 0, -1.0, 1.0)
        self.spread_: Floats = np.where(spread > 1e-9, spread * signs, np.inf)
        typical = np.sqrt(local @ (centred * centred))
        z = np.clip(moved / self.spread_, -_CLIP, _CLIP)
        self.weights_: Floats = _weights(z, centred / (typical + 0.02), self.penalty * len(z))
        self.scale_: Floats = self._scale(z @ self.weights_, centred)
        self._fit_level(target - self._deviation(sizes, over), self._deviation(sizes, over), near)

    def _predict(self, x: Floats) -> Floats:
        sizes, over = self._split(x)
        return np.asarray(expit(self._level(sizes) + self._deviation(sizes, over)), dtype=np.float64)

    def _arrays(self) -> dict[str, Any]:
        return {
            "sizes": self.sizes_,
            "bandwidth": self.bandwidth_,
            "spread": self.spread_,
            "weights": self.weights_,
            "scale": self.scale_,
            "centre": self.centre_,
            "size_spread": self.size_spread_,
            "trend": self.trend_,
            "share": self.share_,
            "left": self.left_,
        }

    def _take(self, found: Arrays) -> None:
        self.sizes_, self.bandwidth_, self.spread_ = found["sizes"], float(found["bandwidth"]), found["spread"]
        self.weights_, self.scale_, self.trend_ = found["weights"], found["scale"], found["trend"]
        self.centre_, self.size_spread_ = found["centre"], found["size_spread"]
        self.share_, self.left_ = found["share"], found["left"]

    def _split(self, x: Floats) -> tuple[Floats, Floats]:
        x = np.asarray(x, dtype=np.float64)
        return x[:, list(self.level)], x[:, list(self.deviations)]

    def _wide_enough(self, sizes: Floats) -> float:
        squares, width = cdist(sizes, sizes, "sqeuclidean"), self.bandwidth
        for _ in range(5):
            others = np.exp(-0.5 * squares / width**2).sum(axis=1) - 1
            if np.median(others) >= 1:
                break
            width *= 2
        return width

    def _near(self, sizes: Floats) -> Floats:
        """Return the kernel (m, n) of rows and training rows; 1 for equal sizes."""
        return np.asarray(np.exp(-0.5 * cdist(sizes, self.sizes_, "sqeuclidean") / self.bandwidth_**2))

    def _scale(self, raw: Floats, centred: Floats) -> Floats:
        """Return (s_0, s_1, mean size) of stage 2."""
        mean = float(self.sizes_[:, 0].mean())
        design = raw[:, None] * np.column_stack([np.ones(len(raw)), mean - self.sizes_[:, 0]])
        power = float((raw * raw).sum())
        if power <= 0:
            return np.array([0.0, 0.0, mean])
        found = np.linalg.solve(design.T @ design + 0.03 * power * np.eye(2), design.T @ centred)
        return np.array([*found, mean])

    def _deviation(self, sizes: Floats, over: Floats) -> Floats:
        first, slope, mean = self.scale_
        scale = np.maximum(first + slope * (mean - sizes[:, 0]), _LEAST_SCALE)
        return np.asarray((np.clip(over / self.spread_, -_CLIP, _CLIP) @ self.weights_) * scale)

    def _fit_level(self, rest: Floats, deviation: Floats, near: Floats) -> None:
        close = 1.0 / (0.05**2 + deviation**2)
        self.share_ = close / (near @ close)  # sums to 1 among neighbours
        spread = self.sizes_.std(axis=0)
        self.centre_, self.size_spread_ = self.sizes_.mean(axis=0), np.where(spread > 1e-9, spread, 1.0)
        design = self._quadratic(self.sizes_)
        weighted = design * self.share_[:, None]
        gram = weighted.T @ design + self.ridge * np.diag([0.0, *np.ones(design.shape[1] - 1)])
        self.trend_ = np.asarray(np.linalg.lstsq(gram, weighted.T @ rest, rcond=None)[0], dtype=np.float64)
        self.left_ = rest - design @ self.trend_

    def _quadratic(self, sizes: Floats) -> Floats:
        z = (sizes - self.centre_) / self.size_spread_
        return np.column_stack([np.ones(len(z)), z, z[:, 0] ** 2])

    def _level(self, sizes: Floats) -> Floats:
        share = self._near(sizes) * self.share_
        known = (share @ self.left_) / (share.sum(axis=1) + 0.05)
        return np.asarray(self._quadratic(sizes) @ self.trend_ + known)


def _weights(z: Floats, target: Floats, penalty: float) -> Floats:
    columns = z.shape[1]
    found, _ = nnls(np.vstack([z, np.sqrt(penalty) * np.eye(columns)]), np.concatenate([target, np.zeros(columns)]))
    return np.asarray(found)


def monotone(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return the unfitted two-stage model on the feature group `erk`; seed and threads do not matter.

    Source: the recipe measured on the table of Cunegatti et al. 2024 (arXiv 2305.16886); Robinson 1988, Econometrica
        56, for the two stages (a partially linear model).

    Raises:
        PredictorError: the group's columns are not there.
    """
    deviations = [number for number, name in enumerate(names) if name.startswith(_PREFIX)]
    missing = [name for name in _LEVEL if name not in names] + ([] if deviations else [f"{_PREFIX}..."])
    if missing:
        raise PredictorError(
            f"model 'monotone' must have the columns {', '.join(_LEVEL)} and {_PREFIX}...; got none named "
            f"'{missing[0]}'. Add the feature group 'erk', or choose another model."
        )
    return MonotoneDeviation([list(names).index(name) for name in _LEVEL], deviations)
