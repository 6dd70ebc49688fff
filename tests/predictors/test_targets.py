"""Scales of bounded targets: there and back, rising, and what they do to a predictor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau, norm

from predictors import SCALES, Predictor, PredictorError
from predictors.targets import normal_scores
from tests.predictors.tables import table


@pytest.mark.parametrize("name", SCALES)
def test_there_and_back(name: str) -> None:
    y = np.random.default_rng(0).uniform(0.1, 0.97, 50)
    scale = SCALES[name](y)
    np.testing.assert_allclose(scale.backward(scale.forward(y)), y, atol=1e-12)
    assert kendalltau(scale.forward(y), y).statistic == 1.0


@pytest.mark.parametrize("name", SCALES)
def test_whatever_comes_back_is_an_accuracy(name: str) -> None:
    y = np.array([0.0, 0.2, 1.0])
    scale = SCALES[name](y)
    assert np.isfinite(scale.forward(y)).all()
    back = scale.backward(np.linspace(-50, 50, 101))
    assert (back >= 0).all() and (back <= 1).all() and (np.diff(back) >= 0).all()


def test_normal_scores_are_blom_and_ties_share() -> None:
    scale = normal_scores(np.array([0.3, 0.1, 0.3, 0.9]))
    expected = norm.ppf((np.array([1, 2.5, 4]) - 0.375) / 4.25)
    np.testing.assert_allclose(scale.forward(np.array([0.1, 0.3, 0.9])), expected)


@pytest.mark.parametrize("name", ["logit", "log_error", "normal_scores"])
def test_a_predictor_on_a_scale_predicts_saves_and_covers(name: str, tmp_path: Path) -> None:
    """90 % intervals, 500 fresh rows; the share has SD 0.03 over training sets: below 0.8 is under 1 in 1,000."""
    rows, targets = table(120, seed=0)
    fresh, truth = table(500, seed=1)
    saved = Predictor("bayesian_ridge", scale=name).fit(rows, targets)
    predicted = saved.predict(fresh)
    assert all(0 <= p.lower <= p.accuracy <= p.upper <= 1 for p in predicted)
    assert 0.8 <= np.mean([p.lower <= y <= p.upper for p, y in zip(predicted, truth, strict=True)]) <= 0.99
    assert 0.8 <= saved.metrics["coverage"] <= 1 and saved.metrics["r2"] > 0.5
    saved.save(tmp_path)
    assert Predictor.load(tmp_path).predict(fresh) == predicted


def test_an_unknown_scale_is_one_line() -> None:
    with pytest.raises(PredictorError, match=r"unknown scale of targets 'logits'; did you mean 'logit'\? known: "):
        Predictor(scale="logits")
