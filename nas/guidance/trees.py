"""XGBoost as a guide: trees on resampled records, whose disagreement is the deviation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from nas.guidance.guide import Floats
from predictors.models.boosting import BoostedTrees

MEMBERS = 5


class TreesGuide:
    """An ensemble of boosted trees, each on as many rows drawn with replacement.

    Args:
        seed: of the resampling and the trees.
        members: how many.
    """

    def __init__(self, seed: int, members: int = MEMBERS) -> None:
        self._seed = seed
        self._count = members

    def fit(self, x: Floats, y: Floats) -> Self:
        """Grow every member on its own draw of the rows x (n, columns) and merits y (n,)."""
        rng = np.random.default_rng(self._seed)
        self._floor = 1e-3 * (float(np.std(y)) or 1.0)
        self._members = []
        for member in range(self._count):
            drawn = rng.integers(len(y), size=len(y))
            trees = BoostedTrees(
                rounds=60, depth=4, learning_rate=0.1, rows=0.9, columns=0.3, leaf_rows=1, seed=self._seed + member
            )
            self._members.append(trees.fit(x[drawn], y[drawn]))
        return self

    def posterior(self, x: Floats) -> tuple[Floats, Floats]:
        """Return mean and deviation over the members at rows (m, columns)."""
        beliefs = np.stack([trees.predict(x) for trees in self._members])
        return beliefs.mean(axis=0), np.sqrt(beliefs.var(axis=0, ddof=1) + self._floor**2)


def trees(names: Sequence[str], seed: int) -> TreesGuide:
    """Return an unfitted ensemble of boosted trees.

    Source: Chen and Guestrin, KDD 2016, arXiv:1603.02754; bootstrap deviations: Efron 1979, Annals of Statistics 7;
        ensembles as beliefs in a search: White et al. 2021, arXiv:1910.11858.
    """
    return TreesGuide(seed)
