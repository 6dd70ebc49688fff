"""XGBoost's trees as an estimator whose file is XGBoost's own UBJ."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import xgboost
from sklearn.utils.validation import check_is_fitted

from predictors.models.arrays import Arrays
from predictors.models.estimator import Regressor
from predictors.models.model import Floats


class BoostedTrees(Regressor):
    """Gradient-boosted regression trees on squared error, starting from the training mean.

    Args:
        rounds: boosting rounds.
        parallel: trees of each round; many trees in one round at `learning_rate` 1 are a random forest.
        depth, learning_rate, rows, columns, leaf_rows, penalty: of the trees; `rows` are drawn for each tree,
            `columns` for each split, `leaf_rows` is the least number in a leaf, `penalty` shrinks leaves.
        bins: at most so many cuts of a column.
        rising: predictions never fall as a column grows.
        seed, threads: of XGBoost; the same two give the same bits on one machine.
    """

    suffix = "ubj"

    def __init__(
        self,
        rounds: int = 100,
        parallel: int = 1,
        depth: int = 3,
        learning_rate: float = 0.1,
        rows: float = 1.0,
        columns: float = 1.0,
        leaf_rows: float = 1.0,
        penalty: float = 1.0,
        bins: int = 64,
        rising: bool = False,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.rounds = rounds
        self.parallel = parallel
        self.depth = depth
        self.learning_rate = learning_rate
        self.rows = rows
        self.columns = columns
        self.leaf_rows = leaf_rows
        self.penalty = penalty
        self.bins = bins
        self.rising = rising
        self.seed = seed
        self.threads = threads

    def _fit(self, x: Floats, y: Floats) -> None:
        data = xgboost.QuantileDMatrix(x, y, max_bin=self.bins, nthread=self.threads)
        self.booster_ = xgboost.train(self._parameters(float(np.mean(y))), data, num_boost_round=self.rounds)

    def _predict(self, x: Floats) -> Floats:
        return np.asarray(self.booster_.inplace_predict(x.astype(np.float32)), dtype=np.float64)

    def dump(self) -> bytes:
        """Return the trees as UBJ."""
        check_is_fitted(self)
        return bytes(self.booster_.save_raw("ubj"))

    def restore(self, content: bytes) -> Self:
        """Take over dumped trees."""
        self.booster_ = xgboost.Booster({"nthread": self.threads}, model_file=bytearray(content))
        self.n_features_in_ = int(self.booster_.num_features())
        return self

    def _arrays(self) -> dict[str, Any]:
        return {"booster": self.dump()}

    def _take(self, found: Arrays) -> None:
        self.restore(found["booster"].tobytes())

    def _parameters(self, base: float) -> dict[str, Any]:
        return {
            "objective": "reg:squarederror",
            "base_score": base,
            "tree_method": "hist",
            "max_bin": self.bins,
            "max_depth": self.depth,
            "eta": self.learning_rate,
            "num_parallel_tree": self.parallel,
            "subsample": self.rows,
            "colsample_bynode": self.columns,
            "min_child_weight": self.leaf_rows,
            "lambda": self.penalty,
            "seed": self.seed,
            "nthread": self.threads,
            "verbosity": 0,
            **({"monotone_constraints": (1,) * self.n_features_in_} if self.rising else {}),
        }
