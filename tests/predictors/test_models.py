"""Every model: scikit-learn's conventions, files without code, the same bits twice; and oracles where there are any."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from predictors import MODELS, PredictorError
from predictors.metrics import agreement
from predictors.models.model import Floats
from predictors.models.size_only import Ridge
from tests.predictors.tables import NAMES, table


def _data(count: int, seed: int = 0) -> tuple[Floats, Floats]:
    rows, targets = table(count, seed)
    return np.array([list(row.values()) for row in rows]), np.array(targets)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("count", [1, 2, 60])
def test_a_dumped_model_predicts_the_same_bits(name: str, count: int) -> None:
    x, y = _data(count)
    fresh = _data(50, seed=1)[0]
    model = MODELS[name](NAMES, 0, 1)
    assert model.fit(x, y) is model
    predicted = model.predict(fresh)
    assert predicted.shape == (50,) and np.isfinite(predicted).all()
    restored = MODELS[name](NAMES, 0, 1).restore(model.dump())
    np.testing.assert_array_equal(restored.predict(fresh), predicted)
    again = MODELS[name](NAMES, 0, 1).fit(x, y)
    np.testing.assert_array_equal(again.predict(fresh), predicted)


@pytest.mark.parametrize("name", MODELS)
def test_estimators_only_store_their_arguments_and_leave_their_input_alone(name: str) -> None:
    x, y = _data(30)
    before = x.copy(), y.copy()
    model = clone(MODELS[name](NAMES, 0, 1))
    assert not [attribute for attribute in vars(model) if attribute.endswith("_")]
    model.fit(x, y).predict(x)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


@pytest.mark.parametrize("name", ["xgboost", "random_forest", "gaussian_process"])
def test_flexible_models_find_what_size_alone_cannot(name: str) -> None:
    """The product term is invisible to a line; 300 rows give r2 above 0.7 (seeded, margin over 0.1)."""
    (x, y), (fresh, truth) = _data(300), _data(300, seed=1)
    line = agreement(truth, MODELS["size_only"](NAMES, 0, 1).fit(x, y).predict(fresh))["r2"]
    assert agreement(truth, MODELS[name](NAMES, 0, 1).fit(x, y).predict(fresh))["r2"] > max(0.7, line)


def test_ridge_without_penalty_is_least_squares() -> None:
    x, y = _data(40)
    design = np.column_stack([np.ones(40), x[:, [0, 2]]])
    expected = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(Ridge([0, 2], penalty=0.0).fit(x, y).predict(x), expected)


def test_size_only_needs_its_columns() -> None:
    with pytest.raises(PredictorError, match=r"must have the columns size/log_kept and .*; got 1 columns, none of"):
        MODELS["size_only"](["density/mean"], 0, 1)


def test_agreement_by_definition() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.normal(size=30), rng.normal(size=30)
    pairs = [(i, j) for i in range(30) for j in range(i)]
    concordant = sum(np.sign((y[i] - y[j]) * (p[i] - p[j])) for i, j in pairs)
    first, second = (np.argsort(np.argsort(v)).astype(np.float64) for v in (y, p))
    found = agreement(y, p)
    assert found["kendall"] == pytest.approx(concordant / len(pairs))
    assert found["spearman"] == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert found["r2"] == pytest.approx(1 - np.mean((y - p) ** 2) / np.var(y))
    assert agreement(y, np.full(30, y.mean())) == pytest.approx(
        {"r2": 0.0, "mae": np.abs(y - y.mean()).mean(), "spearman": 0.0, "kendall": 0.0}, abs=1e-12
    )
