"""A random forest, grown by XGBoost so that its file is UBJ."""

from __future__ import annotations

from collections.abc import Sequence

from predictors.models.boosting import BoostedTrees
from predictors.models.model import Model


def random_forest(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return an unfitted forest of 100 deep trees, each on 63 % of the rows, a third of the columns at each split.

    Source: Breiman 2001, Machine Learning 45.
    Differs from the paper: rows are drawn without replacement (the share a bootstrap sample holds), columns are cut
        at 64 quantiles, and depth is at most 10.
    """
    return BoostedTrees(
        rounds=1,
        parallel=100,
        depth=10,
        learning_rate=1.0,
        rows=0.63,
        columns=1 / 3,
        leaf_rows=1,
        penalty=0.0,
        seed=seed,
        threads=threads,
    )
