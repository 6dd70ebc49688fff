"""CV+ intervals, folds and the domain flag."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictors import MODELS, PredictorError
from predictors.conformal import CrossConformal, cross_conformal, ranks
from predictors.domain import domain
from predictors.folds import grouped_folds, row_keys
from predictors.models import Model
from predictors.models.block_matern import BlockMatern
from predictors.models.model import Floats
from predictors.models.size_only import Ridge
from tests.predictors.tables import NAMES


def _ridge() -> Model:
    return Ridge(columns=[0, 1])


def test_bounds_are_those_of_the_definition() -> None:
    """Oracle: Barber et al. 2021, section 3, written out row by row."""
    rng = np.random.default_rng(0)
    x, fresh = rng.normal(size=(37, 2)), rng.normal(size=(5, 2))
    y = x[:, 0] + rng.normal(size=37)
    folds = grouped_folds(range(37), 10, rng)
    conformal = cross_conformal(_ridge, x, y, folds)
    lower, upper = conformal.bounds(fresh, 0.8)
    for row in range(5):
        means = np.array([conformal.models[fold].predict(fresh[row : row + 1])[0] for fold in folds])
        assert lower[row] == np.sort(means - conformal.residuals)[int(np.floor(0.2 * 38)) - 1]
        assert upper[row] == np.sort(means + conformal.residuals)[int(np.ceil(0.8 * 38)) - 1]


def test_each_residual_comes_from_a_model_that_did_not_see_the_row() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(24, 2)), rng.random(24)
    folds = grouped_folds(range(24), 4, rng)
    found = cross_conformal(_ridge, x, y, folds)
    for i in range(24):
        alone = _ridge().fit(x[folds != folds[i]], y[folds != folds[i]]).predict(x[i : i + 1])[0]
        assert found.residuals[i] == pytest.approx(abs(y[i] - np.clip(alone, 0, 1)))


def test_coverage_on_fresh_rows() -> None:
    """2,000 fresh rows for each of 40 training sets of 60; 80 % intervals.

    The share covered has mean about 0.8 to 0.83 and, over training sets, standard deviation about 0.05, so the mean
    of 40 has 0.008: below 0.77 or above 0.87 is a false alarm with probability under 1e-4. Every seed is fixed.
    """
    shares = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x, fresh = rng.normal(size=(60, 2)), rng.normal(size=(2000, 2))
        y = 0.5 + 0.05 * x[:, 0] + 0.03 * rng.normal(size=60)
        truth = 0.5 + 0.05 * fresh[:, 0] + 0.03 * rng.normal(size=2000)
        lower, upper = cross_conformal(_ridge, x, y, grouped_folds(range(60), 10, rng)).bounds(fresh, 0.8)
        shares.append(np.mean((lower <= truth) & (truth <= upper)))
    assert 0.77 <= np.mean(shares) <= 0.87


def test_too_few_rows_for_the_coverage_give_infinite_ends() -> None:
    x, y = np.arange(16.0).reshape(8, 2), np.linspace(0, 1, 8)
    lower, upper = cross_conformal(_ridge, x, y, np.arange(8)).bounds(x, 0.9)
    assert np.isneginf(lower).all() and np.isposinf(upper).all()
    assert ranks(9, 0.9) == (1, 9)
    assert ranks(8, 0.9) == (0, 9)


@given(st.integers(1, 400), st.floats(0.01, 0.99))
def test_ranks_mirror_each_other(count: int, coverage: float) -> None:
    low, high = ranks(count, coverage)
    assert low + high == count + 1
    assert high >= coverage * (count + 1) - 1e-8


def test_held_out_half_widths_use_other_folds_only() -> None:
    folds = np.array([0, 0, 1, 1, 1])
    residuals = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    widths = CrossConformal([], folds, residuals, residuals).held_out_half_widths(0.5)
    assert widths.tolist() == [0.4, 0.4, 0.2, 0.2, 0.2]


def uneven(count: int, seed: int) -> tuple[Floats, Floats]:
    """Return rows crowded around 0 and few far out, and a smooth target that the far ones tell little of."""
    rng = np.random.default_rng(seed)
    x = rng.standard_t(3, size=(count, 2))
    return x, 0.5 + 0.2 * np.sin(2 * x[:, 0]) * np.cos(x[:, 1]) + 0.005 * rng.normal(size=count)


def test_scaled_bounds_are_those_of_the_definition() -> None:
    """Oracle: CV+ on residuals over expected deviations, written out row by row."""
    (x, y), (fresh, _) = uneven(37, 0), uneven(5, 1)
    folds = grouped_folds(range(37), 6, np.random.default_rng(0))
    found = cross_conformal(lambda: BlockMatern(iterations=5), x, y, folds)
    assert found.expected is not None
    lower, upper = found.bounds(fresh, 0.8)
    ratios = np.empty(37)
    for i in range(37):
        alone = BlockMatern(iterations=5).fit(x[folds != folds[i]], y[folds != folds[i]])
        mean, deviation = alone.predict(x[i : i + 1], return_std=True)
        ratios[i] = abs(y[i] - np.clip(mean[0], 0, 1)) / deviation[0]
    for row in range(5):
        both = [found.models[fold].predict(fresh[row : row + 1], return_std=True) for fold in folds]
        means, spread = (np.array([pair[side][0] for pair in both]) for side in (0, 1))
        assert lower[row] == pytest.approx(np.sort(means - ratios * spread)[int(np.floor(0.2 * 38)) - 1])
        assert upper[row] == pytest.approx(np.sort(means + ratios * spread)[int(np.ceil(0.8 * 38)) - 1])


def test_intervals_are_narrow_where_much_is_known_and_cover_as_they_say() -> None:
    """12 training sets of 80, 1,000 fresh rows each, 80 % intervals: the share covered has mean 0.8 to 0.85 and a
    deviation of 0.05 over training sets, so below 0.74 or above 0.91 a mean of 12 is beyond four standard errors.
    """
    shares, widths = [], []
    for seed in range(12):
        (x, y), (fresh, truth) = uneven(80, seed), uneven(1000, 100 + seed)
        folds = grouped_folds(range(80), 5, np.random.default_rng(seed))
        found = cross_conformal(lambda: BlockMatern(iterations=10), x, y, folds)
        lower, upper = found.bounds(fresh, 0.8)
        shares.append(np.mean((lower <= truth) & (truth <= upper)))
        plain = CrossConformal(found.models, folds, found.residuals, found.predictions).bounds(fresh, 0.8)
        near = np.abs(fresh).max(axis=1) < 1
        widths.append([(upper - lower)[near].mean(), (plain[1] - plain[0])[near].mean()])
    assert 0.74 <= np.mean(shares) <= 0.91
    scaled, plain_width = np.mean(widths, axis=0)
    assert scaled < 0.95 * plain_width


def test_centred_bounds_are_those_of_the_definition() -> None:
    """Oracle: mean of the rows' models, give or take the ranked ratio times the mean deviation."""
    (x, y), (fresh, _) = uneven(37, 3), uneven(5, 4)
    folds = grouped_folds(range(37), 6, np.random.default_rng(0))
    found = cross_conformal(lambda: BlockMatern(iterations=5), x, y, folds)
    lower, upper = found.bounds(fresh, 0.8, plus=False)
    centre = np.mean([found.models[fold].predict(fresh) for fold in folds], axis=0)
    spread = np.mean([found.models[fold].deviation(fresh) for fold in folds], axis=0)
    half = np.sort(found.ratios)[int(np.ceil(0.8 * 38)) - 1] * spread
    np.testing.assert_allclose([lower, upper], [centre - half, centre + half])
    assert np.isinf(cross_conformal(_ridge, x[:4], y[:4], np.arange(4)).bounds(fresh, 0.9, plus=False)).all()


def test_models_that_expect_the_same_everywhere_have_plain_intervals() -> None:
    x, y = uneven(24, 2)
    assert cross_conformal(_ridge, x, y, np.arange(24) % 4).expected is None
    folds, ones = np.array([0, 0, 1, 1]), np.ones(4)
    widths = CrossConformal([], folds, ones, ones, np.array([1.0, 2, 1, 4])).held_out_half_widths(0.5)
    assert widths.tolist() == [1.0, 2.0, 1.0, 4.0]  # residuals over expected: 1, 1/2 | 1, 1/4; ranks 2 of 2


@given(st.lists(st.integers(0, 8), min_size=2, max_size=60).filter(lambda keys: len(set(keys)) > 1), st.integers(2, 10))
def test_groups_stay_together_and_folds_are_balanced(keys: list[int], count: int) -> None:
    folds = grouped_folds(keys, count, np.random.default_rng(0))
    assert all(len({fold for fold, key in zip(folds, keys, strict=True) if key == k}) == 1 for k in keys)
    sizes = np.bincount(folds)
    assert len(sizes) == min(count, len(set(keys))) and sizes.min() > 0
    assert sizes.max() - sizes.min() <= max(keys.count(k) for k in keys)


def test_equal_rows_have_equal_keys_and_one_group_is_refused() -> None:
    keys = row_keys(np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]))
    assert keys[0] == keys[2] != keys[1]
    with pytest.raises(PredictorError, match=r"must form at least two groups to be held out in turn; got 1 among 3"):
        grouped_folds(["a"] * 3, 10, np.random.default_rng(0))


def test_domain_flags_the_far_and_keeps_the_near() -> None:
    """Fresh rows of the training distribution: at most 5 % flagged (about 1 % expected of 1,000; seeded)."""
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=(100, 20)), np.full(100, 7.0)])
    fresh = np.column_stack([rng.normal(size=(1000, 20)), np.full(1000, 7.0)])
    region = domain(rows)
    assert region.contains(fresh).mean() >= 0.95
    assert region.contains(rows).all()
    far, wide = fresh[:100].copy(), fresh[:100].copy()
    far[:, 3] += 20  # one column far outside its range
    wide[:, :20] *= 4  # every column beyond its usual range, all at once
    assert not region.contains(far).any()
    assert region.contains(wide).mean() < 0.05
    fresh[:, 20] = 7.5  # a column that never varied
    assert not region.contains(fresh).any()


def test_domain_is_finite_for_two_rows_and_for_equal_rows() -> None:
    assert domain(np.array([[0.0], [1.0]])).contains(np.array([[0.5], [9.0]])).tolist() == [True, False]
    assert domain(np.ones((4, 2))).contains(np.array([[1.0, 1.0], [1.0, 2.0]])).tolist() == [True, False]


def test_every_model_gives_intervals() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, len(NAMES))), rng.random(30)
    for maker in MODELS.values():
        make = partial(maker, NAMES, 0, 1)
        lower, upper = cross_conformal(make, x, y, np.arange(30) % 3).bounds(x, 0.9)
        assert (lower < upper).all()
