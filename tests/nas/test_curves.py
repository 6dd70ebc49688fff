"""Learning curves as columns: by hand, finite for any loss, and refused where they are too short."""

from __future__ import annotations

import math

import pytest

from nas.curves import curve_features
from nas.errors import NasError
from nas.outcomes import Epoch

CURVE = [Epoch(1, 2.0, 0.4, 0.5, 1.0), Epoch(2, 1.0, 0.6, 0.8, 1.0), Epoch(3, 0.5, 0.9, 0.7, 1.0)]


def test_figures_by_hand() -> None:
    assert curve_features(CURVE, 3) == pytest.approx(
        {
            "curve/log_loss": math.log(0.5),
            "curve/loss_drop": math.log(4.0),
            "curve/train_accuracy": 0.9,
            "curve/train_gain": 0.5,
            "curve/val_accuracy": 0.7,
            "curve/val_gain": 0.2,
            "curve/val_best": 0.8,
            "curve/gap": 0.2,
        }
    )


def test_nothing_after_the_epoch_is_read() -> None:
    assert curve_features(CURVE, 2) == curve_features(CURVE[:2], 2) != curve_features(CURVE, 3)
    assert curve_features(CURVE, 1)["curve/val_gain"] == curve_features(CURVE, 1)["curve/loss_drop"] == 0.0


def test_an_epoch_without_validation_has_no_figures_of_it() -> None:
    unseen = [Epoch(number, 1.0, 0.5, None, 1.0) for number in (1, 2)]
    assert set(curve_features(unseen, 2)) == {
        name for name in curve_features(CURVE, 2) if "train" in name or "loss" in name
    }


def test_a_loss_of_zero_is_finite() -> None:
    assert math.isfinite(curve_features([Epoch(1, 0.0, 1.0, 1.0, 1.0)], 1)["curve/log_loss"])


@pytest.mark.parametrize("until", [0, 4])
def test_too_few_epochs_are_refused(until: int) -> None:
    with pytest.raises(
        NasError, match=rf"a curve must have as many epochs as are read, at least 1; got 3 for {until}\."
    ):
        curve_features(CURVE, until)
