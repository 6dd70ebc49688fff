"""Every model passes scikit-learn's own checks, and its arrays predict what scikit-learn's fitted objects would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostRegressor, ExtraTreesRegressor
from sklearn.linear_model import BayesianRidge as SklearnRidge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from predictors.models.ada_boost import AdaBoost
from predictors.models.bayesian_ridge import BayesianRidge
from predictors.models.block_matern import BlockMatern
from predictors.models.boosting import BoostedTrees
from predictors.models.ensemble import Ensemble
from predictors.models.experts import Experts
from predictors.models.extra_trees import ExtraTrees
from predictors.models.hurdle import Hurdle
from predictors.models.mean import Mean
from predictors.models.model import Floats
from predictors.models.monotone import MonotoneDeviation
from predictors.models.monotone_trees import MonotoneTrees
from predictors.models.nearest import Nearest
from predictors.models.size_only import Ridge
from predictors.models.xgboost_tuned import TunedTrees

ESTIMATORS = [
    BlockMatern(iterations=10),
    BoostedTrees(rounds=60, threads=1),
    TunedTrees(trials=2, folds=2),
    ExtraTrees(trees=20),
    AdaBoost(trees=20),
    BayesianRidge(),
    Experts(),
    Hurdle(),
    MonotoneDeviation(),
    MonotoneTrees(rounds=20),
    Nearest(),
    Ridge(),
    Mean(),
]


@parametrize_with_checks(ESTIMATORS)  # type: ignore[untyped-decorator]
def test_scikit_learns_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def _data(count: int, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 5))
    return x, np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=count)


def test_extra_trees_are_scikit_learns() -> None:
    (x, y), (fresh, _) = _data(80, 0), _data(40, 1)
    theirs = ExtraTreesRegressor(30, max_features=0.4, random_state=0).fit(x, y)
    np.testing.assert_allclose(ExtraTrees(trees=30).fit(x, y).predict(fresh), theirs.predict(fresh), rtol=1e-12)


def test_ada_boost_is_scikit_learns() -> None:
    (x, y), (fresh, _) = _data(80, 0), _data(40, 1)
    theirs = AdaBoostRegressor(DecisionTreeRegressor(max_depth=3), random_state=0).fit(x, y)
    np.testing.assert_array_equal(AdaBoost().fit(x, y).predict(fresh), theirs.predict(fresh))


def test_bayesian_ridge_is_scikit_learns_on_standardised_columns() -> None:
    (x, y), (fresh, _) = _data(80, 0), _data(40, 1)
    theirs = SklearnRidge().fit((x - x.mean(0)) / x.std(0), y).predict((fresh - x.mean(0)) / x.std(0))
    np.testing.assert_allclose(BayesianRidge().fit(x, y).predict(fresh), theirs)


def test_nearest_is_scikit_learns_on_standardised_columns() -> None:
    (x, y), (fresh, _) = _data(80, 0), _data(40, 1)
    theirs = KNeighborsRegressor(5, weights="distance").fit((x - x.mean(0)) / x.std(0), y)
    np.testing.assert_allclose(Nearest().fit(x, y).predict(fresh), theirs.predict((fresh - x.mean(0)) / x.std(0)))


def test_an_ensemble_is_the_weighted_mean_of_its_parts() -> None:
    (x, y), (fresh, _) = _data(40, 0), _data(20, 1)
    model = Ensemble(weights=(2, 1, 1)).fit(x, y)
    process, boosted, randomised = model.parts(fresh)
    np.testing.assert_allclose(model.predict(fresh), (2 * process + boosted + randomised) / 4)
    np.testing.assert_allclose(process, BlockMatern().fit(x, y).predict(fresh))
    np.testing.assert_allclose(randomised, ExtraTrees().fit(x, y).predict(fresh))


def test_stacking_trusts_the_part_that_fits() -> None:
    """A smooth target of few rows: the process gets most of the weight, and no weight is negative."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    model = Ensemble(weights=None).fit(x, np.sin(x[:, 0]) + x[:, 1])
    assert model.weights_.min() >= 0 and model.weights_.sum() == pytest.approx(1.0)
    assert model.weights_[0] > 0.8


def test_tuning_sees_the_training_rows_only_and_repeats_itself() -> None:
    (x, y), (fresh, _) = _data(60, 0), _data(20, 1)
    first, second = (TunedTrees(trials=4, folds=3).fit(x, y) for _ in range(2))
    assert first.settings_ == second.settings_
    np.testing.assert_array_equal(first.predict(fresh), second.predict(fresh))
    default = TunedTrees(trials=1, folds=3).fit(x, y)
    np.testing.assert_array_equal(
        default.predict(fresh), BoostedTrees(120, 1, 3, 0.08, 0.8, 0.3).fit(x, y).predict(fresh)
    )


def test_unfitted_models_cannot_be_dumped() -> None:
    from sklearn.exceptions import NotFittedError

    for estimator in ESTIMATORS:
        with pytest.raises(NotFittedError):
            type(estimator)().dump()
