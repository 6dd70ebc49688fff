"""The experts: their process against scikit-learn's, and what averaging groups is for."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from predictors import MODELS
from predictors.metrics import agreement
from predictors.models.experts import Experts, _matern, _process, experts


def test_the_process_is_scikit_learns_at_the_chosen_settings() -> None:
    """Oracle: the posterior mean with kernel length l * sqrt(columns) and the chosen noise."""
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    length, alpha = _process(z, y)
    for noise in (0.03, 0.1, 0.2, 0.4, 0.7, 1.0, 2.0, 5.0):
        reference = GaussianProcessRegressor(Matern(length * 3**0.5, nu=2.5), alpha=noise, optimizer=None).fit(z, y)
        if np.allclose(reference.alpha_, alpha):
            break
    else:
        pytest.fail("no noise of the grid gives these weights")
    fresh = rng.normal(size=(7, 3))
    np.testing.assert_allclose(_matern(fresh, z, length) @ alpha, reference.predict(fresh))


def test_one_expert_for_each_group_and_one_for_all() -> None:
    model = experts(["a/x", "a/y", "b/x", "c/x", "c/y"], 0, 1)
    assert isinstance(model, Experts)
    assert model.groups == [[0, 1], [3, 4], [0, 1, 2, 3, 4]]
    assert experts(["x", "y"], 0, 1).groups == [[0, 1]]  # type: ignore[attr-defined]


def test_a_smooth_curve_is_found_and_constant_targets_are_kept() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(-2, 2, size=(200, 2))
    y = 0.7 + 0.1 * np.sin(2 * x[:, 0])
    model = MODELS["experts"](["a", "b"], 0, 1).fit(x[:150], y[:150])
    assert agreement(y[150:], model.predict(x[150:]))["r2"] > 0.95  # a line reaches 0.2
    np.testing.assert_allclose(MODELS["experts"](["a", "b"], 0, 1).fit(x, np.full(200, 0.4)).predict(x), 0.4)
