"""Columns beside structure: how a network is trained, where the rows of a predictor differ in it."""

from __future__ import annotations

from collections.abc import Sequence

from predictors.errors import PredictorError
from pruning.naming import unknown

TRAINING = "training"
"""The group of these columns: "training/NAME", 1 for a network that is trained so and 0 for others."""


def training_columns(training: str, trainings: Sequence[str]) -> dict[str, float]:
    """Return the columns of a network; {} where all are trained alike, so that there is nothing to learn.

    Args:
        training: the network's own, one of `trainings`.
        trainings: those of all rows, each once.
    """
    if len(trainings) < 2:
        return {}
    return {f"{TRAINING}/{name}": float(name == training) for name in trainings}


def told_apart(feature_names: Sequence[str]) -> tuple[str, ...]:
    """Return the trainings that a predictor with these columns tells apart; () if it knows of none."""
    return tuple(name.removeprefix(f"{TRAINING}/") for name in feature_names if name.startswith(f"{TRAINING}/"))


def asked_columns(training: str, feature_names: Sequence[str]) -> dict[str, float]:
    """Return the columns with which to ask a predictor about a network; {} if it tells no trainings apart.

    Raises:
        PredictorError: it tells some apart, and has not seen this one.
    """
    known = told_apart(feature_names)
    if known and training not in known:
        raise PredictorError(f"{unknown('training', training, known)}. Fit a predictor on trials that train so.")
    return training_columns(training, known)
