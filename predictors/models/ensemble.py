"""A Gaussian process and two kinds of trees together: they err in different places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls

from predictors.folds import grouped_folds, row_keys
from predictors.models.arrays import Arrays
from predictors.models.block_matern import BlockMatern
from predictors.models.boosting import BoostedTrees
from predictors.models.estimator import Regressor
from predictors.models.extra_trees import ExtraTrees
from predictors.models.model import Floats

_DEFAULT = (2.0, 1.0, 1.0)
_LEAST_ROWS = 40
"""Below so many different rows too little is learned about which part is better; the weights are the default ones."""


class Ensemble(Regressor):
    """The weighted mean of a block Gaussian process, boosted trees of three seeds and extremely randomised trees.

    Args:
        weights: of process, boosted and randomised trees; None finds those, not negative, whose mean of predictions
            out of fold has the least squared error (stacking), scaled to sum to 1.
        blocks, raw: of the process.
        folds: out of which stacking learns.
        seed, threads: of all parts.

    Source: Breiman 1996, Machine Learning 24 (stacked regressions: weights must not be negative).
    """

    def __init__(
        self,
        weights: Sequence[float] | None = _DEFAULT,
        blocks: Sequence[Sequence[int]] | None = None,
        raw: Sequence[int] = (),
        folds: int = 5,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.weights = weights
        self.blocks = blocks
        self.raw = raw
        self.folds = folds
        self.seed = seed
        self.threads = threads

    def parts(self, x: Floats) -> Floats:
        """Return what each part predicts, (3, m)."""
        return self._parts(self._checked(x))

    def _fit(self, x: Floats, y: Floats) -> None:
        self.members_ = [[model.fit(x, y) for model in models] for models in self._unfitted()]
        self.weights_ = self._stacked(x, y) if self.weights is None else np.asarray(self.weights, dtype=np.float64)
        self.weights_ = self.weights_ / self.weights_.sum()

    def _predict(self, x: Floats) -> Floats:
        return np.asarray((self.weights_[:, None] * self._parts(x)).sum(axis=0))

    def _deviation(self, x: Floats) -> Floats:
        return self.members_[0][0].deviation(x)

    def _parts(self, x: Floats) -> Floats:
        return np.stack([np.mean([model._predict(x) for model in models], axis=0) for models in self.members_])

    def _unfitted(self) -> list[list[Regressor]]:
        return [
            [BlockMatern(self.blocks, self.raw, seed=self.seed)],
            [
                BoostedTrees(300, 1, 5, 0.05, rows=0.8, columns=0.25, seed=self.seed + draw, threads=self.threads)
                for draw in range(3)
            ],
            [ExtraTrees(seed=self.seed, threads=self.threads)],
        ]

    def _stacked(self, x: Floats, y: Floats) -> Floats:
        if len(set(row_keys(x))) < _LEAST_ROWS:
            return np.array(_DEFAULT)
        fold = grouped_folds(row_keys(x), self.folds, np.random.default_rng(self.seed))
        design = np.empty((len(y), 3))
        for number in range(self.folds):
            for part, models in enumerate(self._unfitted()):
                fitted = models[0].fit(x[fold != number], y[fold != number])
                design[fold == number, part] = fitted.predict(x[fold == number])
        centre = y.mean()
        weights = nnls(design - centre, y - centre)[0]
        return np.asarray(weights if weights.sum() > 0 else _DEFAULT)

    def _arrays(self) -> dict[str, Any]:
        dumped = {
            f"member_{part}_{number}": model.dump()
            for part, models in enumerate(self.members_)
            for number, model in enumerate(models)
        }
        return {"weights": self.weights_, **dumped}

    def _take(self, found: Arrays) -> None:
        self.weights_ = found["weights"]
        self.members_ = [
            [model.restore(found[f"member_{part}_{number}"].tobytes()) for number, model in enumerate(models)]
            for part, models in enumerate(self._unfitted())
        ]
