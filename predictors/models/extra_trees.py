"""Extremely randomised trees: smooth averages, strong where columns are many and rows few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.ensemble import ExtraTreesRegressor

from predictors.models.arrays import Arrays
from predictors.models.estimator import Regressor
from predictors.models.model import Floats, Model
from predictors.models.tree_arrays import TreeArrays


class ExtraTrees(Regressor):
    """The mean of fully grown trees whose cuts are drawn at random.

    Args:
        trees: how many.
        share: of the columns, tried at each split.
        seed, threads: of the growing.

    Source: Geurts, Ernst and Wehenkel 2006, Machine Learning 63.
    """

    def __init__(self, trees: int = 200, share: float = 0.4, seed: int = 0, threads: int = 1) -> None:
        self.trees = trees
        self.share = share
        self.seed = seed
        self.threads = threads

    def _fit(self, x: Floats, y: Floats) -> None:
        grown = ExtraTreesRegressor(
            self.trees, max_features=self.share, random_state=self.seed, n_jobs=self.threads
        ).fit(x, y)
        self.trees_ = TreeArrays.of(grown.estimators_)

    def _predict(self, x: Floats) -> Floats:
        found: Floats = self.trees_.predict(x).mean(axis=0)
        return found

    def _arrays(self) -> dict[str, Any]:
        return self.trees_.arrays()

    def _take(self, found: Arrays) -> None:
        self.trees_ = TreeArrays.restored(found)


def extra_trees(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return 200 unfitted trees; columns' names do not matter to them."""
    return ExtraTrees(seed=seed, threads=threads)
