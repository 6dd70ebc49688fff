"""The block Matérn process: kernel and gradient by definition, posterior by the textbook, blocks that matter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import gamma, kv
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from predictors.models.block_matern import BlockMatern, factor, negative_log_posterior, prior
from predictors.models.blocks import blocks_of, raw_blocks
from predictors.models.matern import BlockKernel, block_distances, matern, pair_distances
from predictors.models.model import Floats


def _rows(count: int, seed: int) -> tuple[Floats, Floats]:
    """Six columns; the target is a smooth function of the first three only, with noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 6))
    return x, np.sin(x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.05 * rng.normal(size=count)


def test_matern_is_the_bessel_form() -> None:
    """Oracle: Rasmussen and Williams 2006, equation 4.14, with nu = 5/2."""
    r = np.linspace(0.01, 5, 40)
    u = np.sqrt(5.0) * r
    np.testing.assert_allclose(matern(r * r), 2**-1.5 / gamma(2.5) * u**2.5 * kv(2.5, u), rtol=1e-10)
    assert matern(np.zeros(1))[0] == 1.0


@pytest.mark.parametrize("blocks", [1, 3])
def test_the_gradient_is_that_of_finite_differences(blocks: int) -> None:
    x, y = _rows(20, 0)
    distances = pair_distances([x[:, b::blocks] for b in range(blocks)])
    theta = prior(blocks)[0] + np.random.default_rng(1).normal(size=len(prior(blocks)[0])) * 0.3
    numeric = approx_fprime(theta, lambda t: negative_log_posterior(t, distances, y)[0], 1e-6)
    np.testing.assert_allclose(negative_log_posterior(theta, distances, y)[1], numeric, rtol=1e-4, atol=1e-5)


def test_value_is_the_density_of_the_targets() -> None:
    """Oracle: scipy's multivariate normal; differences of two parameter values, so that constants do not count."""
    from scipy.stats import multivariate_normal, norm

    x, y = _rows(12, 0)
    parts = [x[:, :3], x[:, 3:]]
    distances, pairs = block_distances(parts, parts), pair_distances(parts)
    means, spreads = prior(2)
    found = []
    for theta in (means, means + 0.3):
        covariance = BlockKernel.of(theta, 2)(distances) + np.exp(theta[-1]) * np.eye(12)
        density = multivariate_normal(np.zeros(12), covariance).logpdf(y) + norm(means, spreads).logpdf(theta).sum()
        found.append(negative_log_posterior(theta, pairs, y)[0] + density)
    assert found[0] == pytest.approx(found[1])


def test_posterior_of_one_block_is_scikit_learns() -> None:
    x, y = _rows(30, 0)
    fresh, _ = _rows(10, 1)
    model = BlockMatern().fit(x, y)
    length, amplitude, noise = np.exp(model.theta_)
    kernel = ConstantKernel(amplitude) * Matern(length * np.sqrt(6), nu=2.5) + WhiteKernel(noise)
    z, fresh_z = ((rows - x.mean(axis=0)) / x.std(axis=0) for rows in (x, fresh))
    theirs = GaussianProcessRegressor(kernel, optimizer=None, alpha=0).fit(z, (y - y.mean()) / y.std())
    mean, deviation = theirs.predict(fresh_z, return_std=True)
    ours, ours_deviation = model.predict(fresh, return_std=True)
    np.testing.assert_allclose(ours, y.mean() + y.std() * mean, rtol=1e-6)
    np.testing.assert_allclose(ours_deviation, y.std() * deviation, rtol=1e-6)


def test_a_block_without_meaning_is_switched_off() -> None:
    x, y = _rows(150, 0)
    fresh, truth = _rows(500, 1)
    split = BlockMatern(blocks=((0, 1, 2), (3, 4, 5))).fit(x, y)
    assert split.theta_[1] > split.theta_[0] + 1.0  # its length scale is more than e times the other's
    errors = [np.mean((m.predict(fresh) - truth) ** 2) for m in (split, BlockMatern().fit(x, y))]
    assert errors[0] < 0.6 * errors[1]


def test_columns_outside_all_blocks_do_not_count_and_raw_blocks_keep_their_unit() -> None:
    x, y = _rows(40, 0)
    model = BlockMatern(blocks=((0, 1), (2,)), raw=(1,)).fit(x, y)
    changed = x.copy()
    changed[:, 3:] += 100.0
    np.testing.assert_array_equal(model.predict(changed), model.predict(x))
    np.testing.assert_array_equal(model.rows_[:, 2], x[:, 2])


def test_deviation_covers_fresh_targets() -> None:
    """Of 2,000 fresh targets 90 % intervals hold 85 to 96 %: the process is not the function's, so calibration is near.

    Over training sets the share has standard deviation about 0.01 (seeded): under 1 in 1,000 false alarms.
    """
    x, y = _rows(200, 0)
    fresh, truth = _rows(2000, 1)
    mean, deviation = BlockMatern().fit(x, y).predict(fresh, return_std=True)
    assert 0.85 <= np.mean(np.abs(truth - mean) <= 1.645 * deviation) <= 0.96


def test_more_rows_than_the_parameters_are_fitted_on_still_all_count() -> None:
    x, y = _rows(120, 0)
    few = BlockMatern(most_rows=60).fit(x, y)
    assert len(few.rows_) == 120
    again = BlockMatern(most_rows=60).fit(x, y)
    np.testing.assert_array_equal(few.predict(x), again.predict(x))
    assert not np.array_equal(few.theta_, BlockMatern().fit(x, y).theta_)


def test_a_singular_covariance_gets_jitter() -> None:
    lower = factor(np.ones((5, 5)), 1.0, 0.0)
    np.testing.assert_allclose(lower @ lower.T, np.ones((5, 5)), atol=1e-3)
    with pytest.raises(np.linalg.LinAlgError, match="must be positive definite"):
        factor(np.full((3, 3), 9.0), 1.0, 0.0)


def test_blocks_are_the_groups_of_the_names() -> None:
    names = ["size/a", "paths/a", "size/b", "plain", "sequences/x"]
    assert blocks_of(names) == ((0, 2), (1,), (3,), (4,))
    assert raw_blocks(names) == (3,)
