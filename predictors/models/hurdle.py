"""Two stages for networks that collapse: whether one does, and how good it is if it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from predictors.models.arrays import Arrays
from predictors.models.boosting import BoostedTrees
from predictors.models.estimator import Regressor
from predictors.models.model import Floats, Model

_APART = 2.0
"""Standard deviations of either side that the gap between collapsed networks and the others must exceed."""

_LEAST_ROWS = 3
"""Networks on either side from which there is something to learn."""


class Hurdle(Regressor):
    """prediction = p low + (1 - p) g(x): p the probability of a collapse, low the collapsed networks' mean.

    Networks that collapsed in training lie far below all others, at chance or next to it, and say nothing of how good
    those are: p and g are boosted trees, p on all rows (1 for a collapsed one), g on the rows that did not collapse.

    Args:
        below: networks of less accuracy are collapsed; None finds the level (`collapse_level`), and where the targets
            are in one piece there is no first stage.
        seed, threads: of the trees.

    Source: Cragg 1971, Econometrica 39 (hurdle models).
    """

    def __init__(self, below: float | None = None, seed: int = 0, threads: int = 1) -> None:
        self.below = below
        self.seed = seed
        self.threads = threads

    def _fit(self, x: Floats, y: Floats) -> None:
        level = collapse_level(y) if self.below is None else self.below
        collapsed = y < level
        self.first_: BoostedTrees | None = None
        self.low_ = float(y.min())
        if min(collapsed.sum(), (~collapsed).sum()) >= _LEAST_ROWS:
            self.low_ = float(y[collapsed].mean())
            self.first_ = self._unfitted().fit(x, collapsed.astype(np.float64))
            x, y = x[~collapsed], y[~collapsed]
        self.second_ = self._unfitted().fit(x, y)

    def _predict(self, x: Floats) -> Floats:
        above = self.second_.predict(x)
        if self.first_ is None:
            return above
        probability = np.clip(self.first_.predict(x), 0.0, 1.0)
        return np.asarray(probability * self.low_ + (1.0 - probability) * above)

    def _unfitted(self) -> BoostedTrees:
        return BoostedTrees(120, 1, 3, 0.08, rows=0.8, columns=0.3, seed=self.seed, threads=self.threads)

    def _arrays(self) -> dict[str, Any]:
        first = {} if self.first_ is None else {"first": self.first_.dump()}
        return {"low": self.low_, "second": self.second_.dump(), **first}

    def _take(self, found: Arrays) -> None:
        self.low_ = float(found["low"])
        self.second_ = self._unfitted().restore(found["second"].tobytes())
        self.first_ = self._unfitted().restore(found["first"].tobytes()) if "first" in found else None


def collapse_level(y: Floats) -> float:
    """Return the middle of the widest gap among the targets' lower half, minus infinity if they are in one piece.

    There are two pieces if the gap is more than twice the standard deviation on either side of it.
    """
    ordered = np.sort(y)
    gaps = np.diff(ordered)[: len(y) // 2]
    if not len(gaps) or gaps.max() <= 0:
        return -np.inf
    cut = int(gaps.argmax()) + 1
    low, high = ordered[:cut], ordered[cut:]
    apart = gaps.max() > _APART * max(float(low.std()), float(high.std()))
    return float(low[-1] + high[0]) / 2 if apart else -np.inf


def hurdle(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return the unfitted two-stage trees for networks of which some collapse."""
    return Hurdle(seed=seed, threads=threads)
