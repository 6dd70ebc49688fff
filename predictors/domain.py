"""Whether a row is like the rows a predictor was fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from predictors.models.model import Floats

_NEIGHBOURS = 3
_QUANTILE = 0.95
_SLACK = 1.5
_MARGIN = 0.5
_CHUNK = 2_000_000


@dataclass(frozen=True)
class Domain:
    """The region of the training rows.

    A row is outside if a column lies beyond the training range by more than half that range (a column that never
    varied: by anything), or if its mean distance to the three nearest training rows, in standard deviations of each
    column, exceeds `limit`: 1.5 times the 95 % quantile of the training rows' own distances, each left out in turn.
    Both figures are conventions that flag well under 5 % of rows drawn like the training rows.
    """

    rows: Floats
    limit: float

    def contains(self, x: Floats) -> npt.NDArray[np.bool_]:
        """Return whether each of (m, columns) rows is inside, (m,)."""
        low, high = self.rows.min(axis=0), self.rows.max(axis=0)
        slack = _MARGIN * (high - low) + 1e-9 * np.maximum(np.abs(low), np.abs(high))
        inside = ((x >= low - slack) & (x <= high + slack)).all(axis=1)
        return np.asarray(inside & (self._distances(x) <= self.limit))

    def _distances(self, x: Floats) -> Floats:
        step = max(1, _CHUNK // len(self.rows))
        known = standardised(self.rows, self.rows)
        parts = [x[start : start + step] for start in range(0, len(x), step)]
        return np.concatenate([_nearest(cdist(standardised(part, self.rows), known)) for part in parts])


def domain(rows: Floats) -> Domain:
    """Return the region of training rows (n, columns), n >= 2."""
    z: Any = standardised(rows, rows)
    distances = cdist(z, z)
    np.fill_diagonal(distances, np.inf)
    return Domain(rows, _SLACK * float(np.quantile(_nearest(distances), _QUANTILE)))


def standardised(x: Floats, rows: Floats) -> Floats:
    """Return x in standard deviations of the training rows; columns that never vary there become 0."""
    spread = rows.std(axis=0)
    varied = spread > 0
    return np.asarray((x - rows.mean(axis=0)) * varied / np.where(varied, spread, 1.0))


def _nearest(distances: Floats) -> Floats:
    """Return the mean distance to the nearest rows, at most three, of (m, n) distances; left-out rows are infinite."""
    ordered = np.sort(distances, axis=1)[:, :_NEIGHBOURS]
    finite = np.isfinite(ordered)
    return np.asarray(np.where(finite, ordered, 0.0).sum(axis=1) / np.maximum(finite.sum(axis=1), 1))
