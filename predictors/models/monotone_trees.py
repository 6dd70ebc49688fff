"""The two-stage model whose deviation is half a line and half trees, both with signs known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from predictors.models.arrays import Arrays
from predictors.models.boosting import BoostedTrees
from predictors.models.model import Floats, Model
from predictors.models.monotone import erk_columns, rising_weights
from predictors.models.two_stage import TwoStage


class MonotoneTrees(TwoStage):
    """`TwoStage` with the mean of the line of `MonotoneDeviation` and of boosted trees that rise in every column.

    Trees see that columns matter together; beyond the training rows they are constant, where the line goes on.

    Args:
        level, deviations: columns, see `TwoStage`.
        penalty: on the line's weights, in units of rows.
        rounds, depth: of the trees.
        bandwidth, ridge, rising: see `TwoStage`.
        seed, threads: of the trees.
    """

    def __init__(
        self,
        level: Sequence[int] | None = None,
        deviations: Sequence[int] | None = None,
        penalty: float = 0.03,
        rounds: int = 150,
        depth: int = 2,
        bandwidth: float = 0.03,
        ridge: float = 0.3,
        rising: bool = True,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.level = level
        self.deviations = deviations
        self.penalty = penalty
        self.rounds = rounds
        self.depth = depth
        self.bandwidth = bandwidth
        self.ridge = ridge
        self.rising = rising
        self.seed = seed
        self.threads = threads

    def _fit_raw(self, z: Floats, target: Floats) -> None:
        self.weights_ = rising_weights(z, target, self.penalty * len(z))
        self.trees_ = self._unfitted().fit(z, target) if z.shape[1] else None

    def _raw(self, z: Floats) -> Floats:
        line = np.asarray((z * self.weights_).sum(axis=1))
        if self.trees_ is None:
            return line
        origin = self.trees_.predict(np.zeros((1, z.shape[1])))
        return np.asarray((line + self.trees_.predict(z) - origin) / 2)

    def _unfitted(self) -> BoostedTrees:
        return BoostedTrees(
            self.rounds,
            depth=self.depth,
            learning_rate=0.05,
            rows=0.8,
            columns=0.5,
            leaf_rows=4,
            rising=True,
            seed=self.seed,
            threads=self.threads,
        )

    def _arrays(self) -> dict[str, Any]:
        trees = {} if self.trees_ is None else {"trees": self.trees_.dump()}
        return {**super()._arrays(), "weights": self.weights_, **trees}

    def _take(self, found: Arrays) -> None:
        super()._take(found)
        self.weights_ = found["weights"]
        self.trees_ = self._unfitted().restore(found["trees"].tobytes()) if "trees" in found else None


def monotone_trees(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return the unfitted two-stage model with trees on the feature group `erk`.

    Source: as `monotone`; XGBoost's monotone constraints (Chen and Guestrin 2016, arXiv 1603.02754).

    Raises:
        PredictorError: the group's columns are not there.
    """
    return MonotoneTrees(*erk_columns("monotone_trees", names), seed=seed, threads=threads)
