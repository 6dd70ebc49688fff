"""The predictor as its callers see it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from predictors import MODELS, Prediction, Predictor, PredictorError, features
from tests.predictors.nets import mlp, random_masks
from tests.predictors.tables import NAMES, table


@pytest.fixture(scope="module")
def fitted() -> Predictor:
    return Predictor().fit(*table(120, seed=0), provenance={"task": "digits"})


def test_predictions_are_ordered_intervals_in_the_unit_range(fitted: Predictor) -> None:
    rows, _ = table(200, seed=1)
    for p in fitted.predict(rows):
        assert 0 <= p.lower <= p.accuracy <= p.upper <= 1
    assert fitted.predict([]) == []
    assert fitted.feature_names == NAMES and fitted.rows == 120 and fitted.provenance == {"task": "digits"}


def test_points_and_predict_mean_agree(fitted: Predictor) -> None:
    rows, _ = table(20, seed=1)
    matrix = np.array([[row[name] for name in fitted.feature_names] for row in rows])
    assert [p.accuracy for p in fitted.predict(rows)] == fitted.predict_mean(matrix).tolist()
    assert [p.accuracy for p in fitted.predict([dict(reversed(row.items())) for row in rows])] == [
        p.accuracy for p in fitted.predict(rows)
    ]


def test_metrics_are_out_of_fold(fitted: Predictor) -> None:
    assert set(fitted.metrics) == {"r2", "mae", "spearman", "kendall", "coverage", "width"}
    assert 0.5 < fitted.metrics["r2"] < 1
    rows, _ = table(120, seed=0)
    shuffled = np.random.default_rng(0).permutation(table(120, seed=0)[1]).tolist()
    assert Predictor().fit(rows, shuffled).metrics["r2"] < 0.2  # nothing to learn, however well its own rows fit


def test_intervals_cover_fresh_rows(fitted: Predictor) -> None:
    """90 % intervals, 1,000 fresh rows; the share has SD 0.03 over training sets: below 0.8 is under 1 in 1,000."""
    rows, targets = table(1000, seed=2)
    inside = [p.lower <= y <= p.upper for p, y in zip(fitted.predict(rows), targets, strict=True)]
    assert 0.8 <= np.mean(inside) <= 0.99
    assert 0.8 <= fitted.metrics["coverage"] <= 1


def test_the_same_call_gives_the_same_bits() -> None:
    rows, targets = table(60, seed=3)
    first, second = (Predictor(seed=5).fit(rows, targets) for _ in range(2))
    assert first.predict(rows) == second.predict(rows) and first.metrics == second.metrics


def test_without_intervals_no_folds_are_fitted(fitted: Predictor) -> None:
    rows, targets = table(120, seed=0)
    cheap = Predictor(intervals=False).fit(rows, targets)
    assert cheap.metrics == {}
    for mine, full in zip(cheap.predict(rows), fitted.predict(rows), strict=True):
        assert mine == Prediction(full.accuracy, 0.0, 1.0, full.in_domain)


def test_groups_of_columns_are_chosen_and_the_others_passed_over() -> None:
    rows, targets = table(40, seed=0)
    chosen = Predictor(groups=["size"]).fit(rows, targets)
    assert chosen.feature_names == NAMES[:2]
    assert chosen.predict(rows) == chosen.predict([{n: row[n] for n in NAMES[:2]} for row in rows])


def test_rows_of_one_group_are_held_out_together() -> None:
    """Each row stands five times with its own target's noise: held out alone, the others would give it away."""
    rows, targets = table(30, seed=0)
    noise = np.random.default_rng(0).normal(size=30) * 0.2
    copies = [{**row, "degree/x": row["degree/x"] + 1e-6 * k} for row in rows for k in range(5)]
    noisy = [float(np.clip(t + e, 0, 1)) for t, e in zip(targets, noise, strict=True) for _ in range(5)]
    apart = Predictor().fit(copies, noisy).metrics["r2"]
    together = Predictor().fit(copies, noisy, groups=[i // 5 for i in range(150)]).metrics["r2"]
    assert apart > 0.8 > 0.5 > together
    exact = [row for row in rows for _ in range(5)]
    assert Predictor().fit(exact, noisy).metrics["r2"] < 0.5  # equal rows are kept together unasked


def test_features_of_networks_fit_and_are_flagged_when_unlike() -> None:
    rows, targets = [], []
    for seed in range(30):
        density = 0.05 + 0.03 * seed
        net = mlp(8, 12, 4)
        rows.append(features(net, random_masks(net, density, seed), (8,)))
        targets.append(0.3 + 0.6 * density)
    predictor = Predictor("size_only").fit(rows, targets)
    other = mlp(8, 300, 300, 300, 4)
    unlike = predictor.predict([features(other, random_masks(other, 0.5), (8,))])
    assert not unlike[0].in_domain
    assert np.mean([p.in_domain for p in predictor.predict(rows)]) > 0.9


@pytest.mark.parametrize("model", MODELS)
def test_few_rows_and_constant_columns_are_no_obstacle(model: str) -> None:
    rows, targets = table(3, seed=0)
    for row in rows:
        row["density/mean"] = 1.0
    (prediction,) = Predictor(model).fit(rows, targets).predict(rows[:1])
    assert (prediction.lower, prediction.upper) == (0.0, 1.0) and math.isfinite(prediction.accuracy)


def test_settings_are_checked() -> None:
    with pytest.raises(PredictorError, match=r"unknown predictor model 'xgbost'; did you mean 'xgboost'\? known: "):
        Predictor("xgbost")
    for coverage in (0.0, 1.0, math.nan):
        with pytest.raises(PredictorError, match=r"coverage must be in \(0, 1\); got"):
            Predictor(coverage=coverage)


def test_each_bad_table_is_one_line() -> None:
    rows, targets = table(10, seed=0)
    predictor = Predictor()
    cases: list[tuple[list[dict[str, float]], list[float], str]] = [
        (rows[:1], targets[:1], r"fitted on at least 3 rows; got 1\. Train more networks"),
        ([], [], r"fitted on at least 3 rows; got 0"),
        (rows, targets[:9], r"rows and targets must be as many; got 10 rows and 9 targets"),
        (rows, [0.5] * 10, r"targets must differ; got 0\.5 in all 10 rows"),
        (rows, [*targets[:9], math.nan], r"target must be an accuracy in \[0, 1\]; got nan \(row 9; 1 such\)"),
        (rows, [*targets[:9], 82.4], r"target must be an accuracy in \[0, 1\]; got 82\.4 .* divide percentages by 100"),
        ([{**r, "degree/x": math.inf} for r in rows], targets, r"feature must be finite; got inf \('degree/x' of ro"),
        ([*rows[:9], {**rows[9], "new/x": 1.0}], targets, r"9 columns and no other; unknown 'new/x' \(row 9\)"),
        ([{} for _ in rows], targets, r"rows must have at least one column; got 0 columns"),
    ]
    for bad, values, message in cases:
        with pytest.raises(PredictorError, match=message) as caught:
            predictor.fit(bad, values)
        assert "\n" not in str(caught.value)
    with pytest.raises(PredictorError, match=r"every feature must be a number; got 'many' \('degree/x' of row 0\)"):
        predictor.fit([{**row, "degree/x": "many"} for row in rows], targets)  # type: ignore[dict-item]
    with pytest.raises(PredictorError, match=r"at least one column of the groups spectral; got 9 columns, none"):
        Predictor(groups=["spectral"]).fit(rows, targets)
    with pytest.raises(PredictorError, match=r"groups must be one for each row; got 2 for 10 rows"):
        predictor.fit(rows, targets, groups=[1, 2])
    assert predictor.rows == 0


def test_each_bad_query_is_one_line(fitted: Predictor) -> None:
    row = table(1, seed=0)[0][0]
    with pytest.raises(PredictorError, match=r"missing 'degree/x', 'density/mean' \(row 0\)"):
        fitted.predict([{n: v for n, v in row.items() if n not in ("density/mean", "degree/x")}])
    with pytest.raises(PredictorError, match=r"unknown 'test/loss' \(row 1\)"):
        fitted.predict([row, {**row, "test/loss": 1.0}])
    with pytest.raises(PredictorError, match=r"every feature must be finite; got nan \('density/min' of row 0; 1 s"):
        fitted.predict([{**row, "density/min": math.nan}])
    with pytest.raises(PredictorError, match=r"matrix must be \(rows, 9\); got \(2, 5\)"):
        fitted.predict_mean(np.zeros((2, 5)))
    with pytest.raises(PredictorError, match=r"predictor must be fitted before it is used; got none"):
        Predictor().predict([row])
