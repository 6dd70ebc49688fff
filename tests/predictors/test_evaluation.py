"""Protocols, intervals, ceilings, leaks and ablations: by definition, or on data whose answer is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from predictors import MODELS, PredictorError
from predictors.evaluation import (
    beyond,
    by_group,
    evaluate,
    group_ablation,
    leaks,
    learning_splits,
    leave_one_group_out,
    noise_ceiling,
    over_draws,
    over_rows,
    paired_difference,
    permutation_importance,
    repeated_folds,
    single_columns,
    unseen_class_splits,
)
from predictors.metrics import agreement, top_regret
from predictors.models.bayesian_ridge import BayesianRidge
from predictors.models.model import Floats, Model
from tests.predictors.tables import NAMES, table


def _line(names: Sequence[str]) -> Model:
    return BayesianRidge()


def _data(count: int, seed: int = 0) -> tuple[Floats, Floats]:
    rows, targets = table(count, seed)
    return np.array([list(row.values()) for row in rows]), np.array(targets)


def test_repeated_folds_judge_every_row_once_a_repeat_and_keep_keys_together() -> None:
    keys = [i // 3 for i in range(30)]
    seen = {0: np.zeros(30), 1: np.zeros(30)}
    for split in repeated_folds(keys, 5, 2, np.random.default_rng(0)):
        seen[int(split.name[0])][split.test] += 1
        assert not {keys[i] for i in split.train} & {keys[i] for i in split.test}
        assert len(split.train) + len(split.test) == 30
    assert (seen[0] == 1).all() and (seen[1] == 1).all()


def test_leaving_one_group_out() -> None:
    splits = list(leave_one_group_out(["a", "b", "a", "c"]))
    assert [(s.name, s.test.tolist(), s.train.tolist()) for s in splits] == [
        ("a", [0, 2], [1, 3]),
        ("b", [1], [0, 2, 3]),
        ("c", [3], [0, 1, 2]),
    ]
    with pytest.raises(PredictorError, match=r"leaving one group out must leave another; got 1 group among 2 rows"):
        list(leave_one_group_out(["a", "a"]))


def test_learning_splits_are_nested_and_share_their_test_rows() -> None:
    small, large = learning_splits(100, (10, 40), 30, np.random.default_rng(0))
    assert set(small.train) < set(large.train) and (small.test == large.test).all()
    assert not set(large.train) & set(large.test)
    assert (len(small.train), len(large.train), len(large.test)) == (10, 40, 30)
    with pytest.raises(PredictorError, match=r"rows must be enough to fit on and to judge by; got 100, needed 110"):
        list(learning_splits(100, (80,), 30, np.random.default_rng(0)))


def test_unseen_classes_are_unseen_and_stand_once() -> None:
    classes = [i % 25 for i in range(100)]
    for split in unseen_class_splits(classes, (5, 20), 1000, np.random.default_rng(0)):
        judged = [classes[i] for i in split.test]
        assert len(set(judged)) == len(judged)
        assert not set(judged) & {classes[i] for i in split.train}
        assert len(judged) == 25 - len({classes[i] for i in split.train})


def test_interval_over_draws_is_students() -> None:
    found = over_draws([1.0, 2.0, 3.0, 4.0])
    half = 3.182446 * np.std([1, 2, 3, 4], ddof=1) / 2  # t of 3 degrees of freedom, tables
    assert (found.mean, found.low, found.high) == pytest.approx((2.5, 2.5 - half, 2.5 + half), rel=1e-6)


def test_bootstrap_of_a_mean_is_the_central_limit() -> None:
    """300 bootstrap draws of 200 rows: the interval's length is 3.92 sd / sqrt(200) to 20 % (seeded)."""
    y = np.random.default_rng(0).normal(size=200)
    found = over_rows(lambda rows: float(y[rows].mean()), range(200), np.random.default_rng(1), 300)
    assert found.mean == pytest.approx(y.mean())
    assert found.high - found.low == pytest.approx(3.92 * y.std() / np.sqrt(200), rel=0.2)
    twice = np.repeat(y, 4)
    copied = over_rows(
        lambda rows: float(twice[rows].mean()), [i // 4 for i in range(800)], np.random.default_rng(1), 300
    )
    assert copied.high - copied.low == pytest.approx(found.high - found.low)  # copies are no new evidence


def test_paired_difference_of_equal_predictions_is_nothing() -> None:
    x, y = _data(60)
    same = paired_difference(_r2, y, x[:, 0], x[:, 0], range(60), np.random.default_rng(0), 50)
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)
    better = paired_difference(_r2, y, y, np.full(60, y.mean()), range(60), np.random.default_rng(0), 50)
    assert better.low > 0.9


def _r2(measured: Floats, predicted: Floats) -> float:
    return agreement(measured, predicted)["r2"]


def test_noise_ceiling_of_known_noise() -> None:
    """300 networks, 3 trainings each: r2 is 1 - 0.02^2 / var to 0.02, and the truth's own agreement is met to 0.02."""
    rng = np.random.default_rng(0)
    truth = np.repeat(0.8 + 0.05 * rng.normal(size=300), 3)
    y = truth + 0.02 * rng.normal(size=900)
    found = noise_ceiling(y, [i // 3 for i in range(900)], rng)
    assert found["repeats"] == 900
    assert found["r2"] == pytest.approx(1 - 0.02**2 / np.var(y), abs=0.02)
    assert found["mae"] == pytest.approx(0.02 * np.sqrt(2 / np.pi), rel=0.1)
    own = agreement(y, truth)
    assert found["spearman"] == pytest.approx(own["spearman"], abs=0.02)
    assert found["kendall"] == pytest.approx(own["kendall"], abs=0.02)
    assert noise_ceiling(y[:5], range(5), rng) == {}


def test_leaks_are_named() -> None:
    x, y = _data(40)
    names = [*NAMES[:4], "test_loss", "degree/x"]
    x[:, 3] = 1 - y
    found = leaks(names, x, y)
    assert len(found) == 2
    assert found[0].startswith("column 'density/min' alone orders the rows as the target does (Spearman -1.000)")
    assert found[1].startswith("column 'test_loss' reads like something known only after training")
    for name in ("seconds", "c10_val_12", "run time", "metrics/final_accuracy", "epochs"):
        assert leaks([name], x[:, :1], y), name
    for name in ("size/log_kept", "paths/latest", "spectral/effective_rank_mean", "size/log_multiply_adds"):
        assert not leaks([name], x[:, :1], y), name


def test_equal_rows_in_different_groups_are_counted() -> None:
    x, y = _data(10)
    x[3], x[7] = x[0], x[1]
    (line,) = leaks(NAMES, x, y, keys=[0, 1, 2, 0, 4, 5, 6, 7, 8, 9])
    assert line.startswith("2 of 10 rows equal a row of another group")
    assert not leaks(NAMES, x, y, keys=[0, 1, 2, 0, 4, 5, 6, 1, 8, 9])
    assert not leaks(NAMES, x, y)


def test_evaluation_finds_signal_and_none_in_noise() -> None:
    x, y = _data(80)
    found = evaluate(_line, NAMES, x, y, range(80), repeats=2)
    assert 0.5 < found.figures["r2"].low < found.figures["r2"].mean < found.figures["r2"].high < 1
    assert found.predictions.shape == (2, 80) and ((found.lower <= found.upper).all())
    assert 0.8 <= found.figures["coverage"].mean <= 1
    shuffled = np.random.default_rng(0).permutation(y)
    assert evaluate(_line, NAMES, x, shuffled, range(80), repeats=2).figures["r2"].mean < 0.1


def test_evaluation_predicts_each_row_without_its_key() -> None:
    """Oracle: fit by hand on the rows of all other keys; two keys make two folds."""
    x, y = _data(20)
    keys = [i % 2 for i in range(20)]
    found = evaluate(_line, NAMES, x, y, keys, repeats=1)
    for key in (0, 1):
        out, kept = np.arange(20) % 2 == key, np.arange(20) % 2 != key
        expected = np.clip(BayesianRidge().fit(x[kept], y[kept]).predict(x[out]), 0, 1)
        np.testing.assert_allclose(found.predictions[0, out], expected)
    groups = by_group(_line, NAMES, x, y, keys)
    assert groups["0"]["mae"] == pytest.approx(np.abs(found.predictions[0, ::2] - y[::2]).mean())


@pytest.mark.parametrize("scale", ["logit", "log_error", "normal_scores"])
def test_evaluation_on_other_scales_comes_back_as_accuracy(scale: str) -> None:
    x, y = _data(60)
    found = evaluate(_line, NAMES, x, y, range(60), scale=scale, repeats=1)
    assert found.figures["r2"].mean > 0.5
    assert ((found.lower >= 0) & (found.upper <= 1)).all()


def test_ablation_finds_the_group_that_matters() -> None:
    """The target is a function of the size columns alone."""
    x, y = _data(150)
    found = group_ablation(
        lambda names: MODELS["gaussian_process"](names, 0, 1), NAMES, x, y, range(150), seed=0, folds=3
    )
    assert found["size"]["without"].low > 0.3
    assert found["size"]["alone"].mean < 0.05  # nothing is missing beside it
    assert abs(found["paths"]["without"].mean) < 0.1


def test_the_best_single_column_is_found() -> None:
    x, y = _data(150)
    found = single_columns(NAMES, x, y, range(150), seed=0, most=2, folds=5)
    assert next(iter(found)) == "size/log_kept" and len(found) == 2
    assert found["size/log_kept"]["r2"] > 0.5


def test_shuffling_what_the_model_uses_costs_it_its_fit() -> None:
    x, y = _data(200)
    found = permutation_importance(_line, NAMES, x, y, range(200), seed=0)
    assert set(found) == {name.partition("/")[0] for name in NAMES} and next(iter(found)) == "size"
    assert found["size"].low > 0.5 > 0.1 > abs(found["paths"].mean)


def test_shuffling_an_independent_column_of_a_known_line_costs_twice_its_variance() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 2))
    y = 0.5 + 0.03 * x[:, 0] + 0.04 * x[:, 1]  # shares of the variance: 9 / 25 and 16 / 25
    found = permutation_importance(_line, ["a/x", "b/x"], x, y, range(4000), seed=0, folds=2)
    assert list(found) == ["b", "a"]
    assert found["b"].mean == pytest.approx(2 * 16 / 25, abs=0.05)  # (u - u')^2 has twice the variance of u
    assert found["a"].mean == pytest.approx(2 * 9 / 25, abs=0.05)


def test_partial_r2_and_regret_by_hand() -> None:
    y = np.array([0.5, 0.6, 0.9, 0.8])
    assert beyond(y, y, np.zeros(4)) == 1.0
    assert beyond(y, np.full(4, 0.7), np.full(4, 0.7)) == 0.0
    assert top_regret(y, np.array([4.0, 3, 2, 1]), 0.5) == pytest.approx(0.3)
    assert top_regret(y, y, 0.1) == 0.0
