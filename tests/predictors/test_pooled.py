"""Targets learned together: one is the model itself, a shared function is found better, an own one is kept."""

from __future__ import annotations

import numpy as np
import pytest

from predictors.models.block_matern import BlockMatern
from predictors.models.model import Floats
from predictors.models.pooled import Pooled

NOISE = 1.0


def _rows(count: int, targets: int, own: float, seed: int) -> tuple[Floats, Floats]:
    """One function of three columns that all targets share, a line of the target's own, without noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 3))
    shared = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2]
    slopes = np.linspace(-1, 1, targets)
    return x, shared[:, None] + own * x[:, :1] * slopes


def test_one_target_is_the_model_itself() -> None:
    x, y = _rows(60, 1, 0.0, 0)
    fresh, _ = _rows(30, 1, 0.0, 1)
    y = y + 0.3 * np.random.default_rng(2).normal(size=y.shape)
    pooled = Pooled(BlockMatern).fit(x, y, np.array([0.3]))
    alone = BlockMatern().fit(x, y[:, 0])
    np.testing.assert_allclose(pooled.predict(fresh)[:, 0], alone.predict(fresh), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(pooled.deviation(fresh)[:, 0], alone.deviation(fresh), rtol=1e-2)


@pytest.mark.parametrize("own", [0.0, 1.0])
def test_what_is_shared_is_learned_from_all_targets(own: float) -> None:
    """Four targets with as much noise as signal: pooling nearly quarters the noise of what they share.

    The ratio of squared errors is about 0.5 without own parts and below 0.8 with them (seeded).
    """
    x, truth = _rows(120, 4, own, 0)
    y = truth + NOISE * np.random.default_rng(3).normal(size=truth.shape)
    fresh, expected = _rows(500, 4, own, 1)
    pooled = Pooled(BlockMatern).fit(x, y, np.full(4, NOISE)).predict(fresh)
    alone = np.stack([BlockMatern().fit(x, one).predict(fresh) for one in y.T], axis=1)
    assert np.mean((pooled - expected) ** 2) < 0.85 * np.mean((alone - expected) ** 2)


def test_axes_are_orthogonal_and_a_unit_does_not_matter() -> None:
    x, y = _rows(50, 3, 1.0, 0)
    y = y + 0.5 * np.random.default_rng(4).normal(size=y.shape)
    noise, factors, shift = np.array([0.5, 0.4, 0.6]), np.array([1.0, 10.0, 0.1]), np.array([0.0, 5.0, -1.0])
    model = Pooled(BlockMatern).fit(x, y, noise)
    np.testing.assert_allclose(model.axes_ @ model.axes_.T, np.eye(3), atol=1e-12)
    other = Pooled(BlockMatern).fit(x, y * factors + shift, noise * factors)
    np.testing.assert_allclose(other.predict(x), model.predict(x) * factors + shift, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(other.deviation(x), model.deviation(x) * factors, rtol=1e-2)


def test_deviations_cover_fresh_measurements() -> None:
    """Of 2,000 fresh measurements 90 % intervals hold 85 to 95 %; the share's deviation is about 0.01 (seeded)."""
    x, truth = _rows(150, 4, 0.5, 0)
    y = truth + NOISE * np.random.default_rng(5).normal(size=truth.shape)
    fresh, expected = _rows(500, 4, 0.5, 1)
    model = Pooled(BlockMatern).fit(x, y, np.full(4, NOISE))
    measured = expected + NOISE * np.random.default_rng(6).normal(size=expected.shape)
    inside = np.abs(measured - model.predict(fresh)) <= 1.645 * model.deviation(fresh)
    assert 0.85 <= inside.mean() <= 0.95


def test_without_noise_a_target_is_its_own_unit() -> None:
    x, y = _rows(80, 2, 1.0, 0)
    found = Pooled(BlockMatern).fit(x, y, np.zeros(2)).predict(x)
    assert np.mean((found - y) ** 2) < 0.05 * y.var()
    constant = Pooled(BlockMatern).fit(x, np.column_stack([y[:, 0], np.full(80, 7.0)]), np.zeros(2)).predict(x)
    np.testing.assert_allclose(constant[:, 1], 7.0, atol=1e-6)
