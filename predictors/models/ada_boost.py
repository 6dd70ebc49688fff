"""AdaBoost on regression trees: one of the three published predictors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import AdaBoostRegressor
from sklearn.tree import DecisionTreeRegressor

from predictors.models.arrays import Arrays
from predictors.models.estimator import Regressor
from predictors.models.model import Floats, Model
from predictors.models.tree_arrays import TreeArrays


class AdaBoost(Regressor):
    """The weighted median of trees, each grown on rows drawn by how badly its forerunners met them.

    Args:
        trees, depth: at most so many trees of that depth.
        seed: of the draws.

    Source: Drucker 1997, ICML (AdaBoost.R2); used on structure by Stier, Darji and Granitzer 2021, arXiv 2107.12917.
    """

    def __init__(self, trees: int = 50, depth: int = 3, seed: int = 0) -> None:
        self.trees = trees
        self.depth = depth
        self.seed = seed

    def _fit(self, x: Floats, y: Floats) -> None:
        tree = DecisionTreeRegressor(max_depth=self.depth)
        grown = AdaBoostRegressor(tree, n_estimators=self.trees, random_state=self.seed).fit(x, y)
        self.trees_ = TreeArrays.of(grown.estimators_)
        self.weights_ = np.asarray(grown.estimator_weights_[: len(grown.estimators_)], dtype=np.float64)

    def _predict(self, x: Floats) -> Floats:
        found = self.trees_.predict(x)
        order = np.argsort(found, axis=0, kind="stable")
        reached = np.cumsum(self.weights_[order], axis=0)
        median = order[(reached >= 0.5 * reached[-1]).argmax(axis=0), np.arange(len(x))]
        return np.asarray(found[median, np.arange(len(x))], dtype=np.float64)

    def _arrays(self) -> dict[str, Any]:
        return {**self.trees_.arrays(), "weights": self.weights_}

    def _take(self, found: Arrays) -> None:
        self.trees_, self.weights_ = TreeArrays.restored(found), found["weights"]


def ada_boost(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return unfitted AdaBoost of 50 trees of depth 3, scikit-learn's own choice; names and threads do not matter."""
    return AdaBoost(seed=seed)
