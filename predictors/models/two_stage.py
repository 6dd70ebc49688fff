"""Two stages: the accuracy of the ERK mask of the same size, and what the mask's own allocation adds to it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import expit, logit
from sklearn.utils import Tags

from predictors.models.arrays import Arrays
from predictors.models.estimator import Regressor
from predictors.models.model import Floats

_EDGES = 0.005, 0.995
_CLIP = 4.0
_LEAST_SCALE = 0.03
_REFERENCE = 0.02


class TwoStage(Regressor):
    """logit(accuracy) = level(size) + deviation(mask - ERK mask), the deviation rising in every column.

    Trees and unconstrained lines fit which network and which density a row is of, and lose across networks; signs known
    beforehand are the decisive regulariser. Two rows are neighbours by a Gaussian kernel on the sizes of their ERK
    masks (log10 of kept entries and multiply-adds), so that masks of one network and density are compared with each
    other.

    1. Deviation. y and X less their means over neighbours, y also over its root mean square there, X in standard
       deviations clipped at 4: a rising function of X, 0 at 0, that a model of this family fits.
    2. Scale. y ~ (s_0 + s_1 size) deviation, size being log10 kept: how much the allocation matters grows as less is
       kept.
    3. Level. What the deviation leaves, over rows whose deviation is next to none (0.02 logit) above all: a
       quadratic in the sizes by ridge, plus its residuals' mean over neighbours, which a network never seen does not
       have. Rows of other methods would pull the level their way, and so rank a method that is held out against them.

    Args:
        level: columns log10 kept and log10 multiply-adds of the ERK mask; None for the first two columns, or the first
            of two.
        deviations: columns that raise accuracy as they grow, 0 for the ERK mask; None for all others.
        bandwidth: of the kernel, in decades; doubled (up to five times) while half of the rows have no neighbour.
        ridge: on the standardised quadratic, in rows.
        rising: False turns each column round whose covariance with y among neighbours is negative: for columns whose
            signs are not known beforehand, at the price of learning them.
    """

    level: Sequence[int] | None
    deviations: Sequence[int] | None
    bandwidth: float
    ridge: float
    rising: bool

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
        self._fit_raw(z, centred / (typical + 0.02))
        self.scale_: Floats = self._scale(self._raw(z), centred)
        deviation = self._gain(sizes, over)
        self._fit_level(target - deviation, deviation, near)

    def _predict(self, x: Floats) -> Floats:
        sizes, over = self._split(x)
        return np.asarray(expit(self._level(sizes) + self._gain(sizes, over)), dtype=np.float64)

    def _arrays(self) -> dict[str, Any]:
        return {
            "sizes": self.sizes_,
            "bandwidth": self.bandwidth_,
            "spread": self.spread_,
            "scale": self.scale_,
            "centre": self.centre_,
            "size_spread": self.size_spread_,
            "trend": self.trend_,
            "share": self.share_,
            "left": self.left_,
        }

    def _take(self, found: Arrays) -> None:
        self.sizes_, self.bandwidth_, self.spread_ = found["sizes"], float(found["bandwidth"]), found["spread"]
        self.scale_, self.trend_ = found["scale"], found["trend"]
        self.centre_, self.size_spread_ = found["centre"], found["size_spread"]
        self.share_, self.left_ = found["share"], found["left"]

    def _split(self, x: Floats) -> tuple[Floats, Floats]:
        count = x.shape[1]
        level = list(range(max(1, min(2, count - 1)))) if self.level is None else list(self.level)
        others = [column for column in range(count) if column not in level]
        return x[:, level], x[:, others if self.deviations is None else list(self.deviations)]

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

    def _gain(self, sizes: Floats, over: Floats) -> Floats:
        first, slope, mean = self.scale_
        scale = np.maximum(first + slope * (mean - sizes[:, 0]), _LEAST_SCALE)
        return np.asarray(self._raw(np.clip(over / self.spread_, -_CLIP, _CLIP)) * scale)

    def _fit_level(self, rest: Floats, deviation: Floats, near: Floats) -> None:
        close = 1.0 / (_REFERENCE**2 + deviation**2)
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

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # targets are accuracies: what lies outside [0, 1] is cut
        return tags

    @abstractmethod
    def _fit_raw(self, z: Floats, target: Floats) -> None:
        """Fit the deviation to standardised columns z (n, deviations)."""

    @abstractmethod
    def _raw(self, z: Floats) -> Floats:
        """Return the deviation (m,) before scaling: rising in every column, 0 where all are."""
