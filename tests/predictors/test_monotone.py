"""The two-stage model: it is monotone, it finds what it is made for, and it transfers across networks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from predictors import MODELS, PredictorError, feature_names
from predictors.metrics import agreement
from predictors.models.model import Floats
from predictors.models.monotone import MonotoneDeviation

NAMES = ("erk/log_kept", "erk/log_multiply_adds", "erk/over_a", "erk/over_b", "erk/over_noise")


def made_up(networks: int, seed: int, noise: float = 0.02) -> tuple[Floats, Floats, Floats]:
    """Return rows, accuracies and the network of each: a level by size, and deviations that weigh more as kept falls.

    Each network has five densities and twelve masks at each, the first of which is its ERK mask.
    """
    rng = np.random.default_rng(seed)
    rows, targets, owners = [], [], []
    for network in range(networks):
        total, cost = rng.uniform(5.3, 6.5), rng.uniform(7.3, 8.7)
        for density in (0.4, 0.2, 0.1, 0.05, 0.02):
            kept, used = total + np.log10(density), cost + np.log10(density)
            over = np.vstack([np.zeros(3), rng.normal(0.0, (0.3, 0.2, 0.5), size=(11, 3))])
            level = 2.0 + 0.5 * (kept - 5) + 0.6 * (used - 7) - 0.1 * (kept - 5) ** 2
            gain = (1.0 + 0.5 * (5.5 - kept)) * (0.8 * over[:, 0] + 0.6 * over[:, 1])
            rows.append(np.column_stack([np.full(12, kept), np.full(12, used), over]))
            targets.append(expit(level + gain + noise * rng.normal(size=12)))
            owners.append(np.full(12, network))
    return np.vstack(rows), np.concatenate(targets), np.concatenate(owners)


def test_networks_never_seen_are_ranked_and_levelled() -> None:
    """Seeded; the margins are over 0.03 and a factor of 1.5."""
    x, y, network = made_up(6, 0)
    train = network < 5
    predicted = MODELS["monotone"](NAMES, 0, 1).fit(x[train], y[train]).predict(x[~train])
    free = MODELS["xgboost"](NAMES, 0, 1).fit(x[train], y[train]).predict(x[~train])
    cells = [x[~train][:, 0] == kept for kept in np.unique(x[~train][:, 0])]
    ranks = np.mean([agreement(y[~train][cell], predicted[cell])["spearman"] for cell in cells])
    assert ranks > 0.95
    ours, theirs = (agreement(y[~train], values)["mae"] for values in (predicted, free))
    assert ours < 0.02 and 1.5 * ours < theirs


@pytest.mark.parametrize("name", ["monotone", "monotone_trees"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), column=st.integers(2, 4), step=st.floats(0.01, 2.0))
def test_no_deviation_that_grows_lowers_the_prediction(name: str, seed: int, column: int, step: float) -> None:
    x, y, _ = made_up(3, seed % 50)
    model = MODELS[name](NAMES, 0, 1).fit(x, y)
    more = x.copy()
    more[:, column] += step
    assert (model.predict(more) >= model.predict(x)).all()


def test_weights_are_those_of_the_columns_that_matter() -> None:
    x, y, _ = made_up(6, 1, noise=0.0)
    model = MonotoneDeviation((0, 1), (2, 3, 4)).fit(x, y)
    in_units = model.weights_ / model.spread_
    assert in_units[0] / in_units[1] == pytest.approx(0.8 / 0.6, rel=0.1)
    assert model.weights_[2] < 0.05 * model.weights_[0]
    assert model.scale_[1] > 0  # what is kept matters more where less is kept


def test_a_falling_column_is_left_out_unless_signs_are_learnt() -> None:
    x, y, _ = made_up(6, 2)
    x[:, 2] *= -1
    assert MonotoneDeviation((0, 1), (2,)).fit(x, y).weights_[0] == 0
    learnt = MonotoneDeviation((0, 1), (2,), rising=False).fit(x, y)
    assert learnt.weights_[0] > 0 and learnt.spread_[0] < 0


def test_trees_see_that_columns_matter_together() -> None:
    """The deviation is the smaller of two columns: trees come closer to it than the line does. Seeded."""
    (x, _, network), rng = made_up(6, 3), np.random.default_rng(0)
    y = expit(0.5 * (x[:, 0] - 4) + np.minimum(x[:, 2], x[:, 3]) + 0.01 * rng.normal(size=len(x)))
    train = network < 5
    line, trees = (MODELS[name](NAMES, 0, 1).fit(x[train], y[train]) for name in ("monotone", "monotone_trees"))
    misses = [agreement(y[~train], model.predict(x[~train]))["mae"] for model in (line, trees)]
    assert misses[1] < 0.9 * misses[0]


def test_a_held_out_method_does_not_bend_the_level() -> None:
    """Rows far from their ERK mask are offset by something no column tells; those close to it keep their level."""
    x, y, _ = made_up(6, 4, noise=0.0)
    far = np.abs(x[:, 2:4]).sum(axis=1) > 0.3
    moved = expit(np.log(y / (1 - y)) + np.where(far, 0.3, 0.0))
    model = MonotoneDeviation((0, 1), (2, 3)).fit(x, moved)
    reference = (x[:, 2:] == 0).all(axis=1)
    assert np.abs(model.predict(x[reference]) - y[reference]).mean() < 0.02


def test_rows_without_neighbours_widen_the_neighbourhood() -> None:
    rng = np.random.default_rng(3)
    x = np.column_stack([rng.uniform(3, 6, 80), rng.uniform(6, 9, 80), rng.normal(size=80)])
    y = expit(0.5 * (x[:, 0] - 4) + 0.3 * x[:, 2])
    model = MonotoneDeviation((0, 1), (2,)).fit(x, y)
    assert model.bandwidth_ > model.bandwidth
    assert agreement(y, model.predict(x))["spearman"] > 0.9


def test_it_needs_its_columns_and_the_features_have_them() -> None:
    with pytest.raises(PredictorError, match=r"model 'monotone' must have the columns .* none named 'erk/log_kept'"):
        MODELS["monotone"](["size/log_kept"], 0, 1)
    with pytest.raises(PredictorError, match=r"model 'monotone_trees' must have .* got none named 'erk/over_...'"):
        MODELS["monotone_trees"](["erk/log_kept", "erk/log_multiply_adds", "erk/over_first"], 0, 1)
    with pytest.raises(PredictorError, match=r"got none named 'erk/over_...'"):
        MODELS["monotone"](["erk/log_kept", "erk/log_multiply_adds"], 0, 1)
    MODELS["monotone"](feature_names(), 0, 1)
