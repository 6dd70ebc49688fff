"""Scales on which bounded accuracies are learned: the model works on the scale, predictions come back from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtri

from predictors.models.model import Floats

_LEAST = 0.005
"""Distance from 0 and 1 at which the scales stop stretching: half a percent of accuracy."""


@dataclass(frozen=True)
class Scale:
    """A rising map of accuracies and its inverse.

    Attributes:
        forward: accuracies in [0, 1] -> values to learn.
        backward: any values -> accuracies in [0, 1].
    """

    forward: Callable[[Floats], Floats]
    backward: Callable[[Floats], Floats]

    def ends(self, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
        """Return accuracies of interval ends on the scale; infinite ends are 0 and 1, wherever the scale ends."""
        below, above = np.isneginf(lower), np.isposinf(upper)
        low = np.where(below, 0.0, self.backward(np.where(below, 0.0, lower)))
        return np.asarray(low), np.asarray(np.where(above, 1.0, self.backward(np.where(above, 0.0, upper))))


def identity(y: Floats) -> Scale:
    """Return accuracy itself, cut to [0, 1] on the way back."""
    return Scale(lambda values: values, lambda values: np.clip(values, 0.0, 1.0))


def logit(y: Floats) -> Scale:
    """Return log(a / (1 - a)), a cut to [0.005, 0.995]: stretches both ends."""

    def forward(values: Floats) -> Floats:
        inside = np.clip(values, _LEAST, 1.0 - _LEAST)
        return np.asarray(np.log(inside / (1.0 - inside)))

    return Scale(forward, lambda values: np.asarray(expit(values)))


def log_error(y: Floats) -> Scale:
    """Return -log(1.005 - a): differences are ratios of errors, so good networks are told apart, bad ones less."""
    return Scale(
        lambda values: np.asarray(-np.log(1.0 + _LEAST - values)),
        lambda values: np.clip(1.0 + _LEAST - np.exp(-values), 0.0, 1.0),
    )


def normal_scores(y: Floats) -> Scale:
    """Return the normal quantile of an accuracy's rank among the training targets y (n,); ties share the middle rank.

    Between training targets the map is linear, beyond them constant: predictions stay within the targets seen.

    Source: Blom 1958, (rank - 3/8) / (n + 1/4).
    """
    values, counts = np.unique(y, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2.0
    scores = ndtri((middle - 0.375) / (len(y) + 0.25))
    return Scale(
        lambda given: np.asarray(np.interp(given, values, scores)),
        lambda given: np.asarray(np.interp(given, scores, values)),
    )


SCALES: dict[str, Callable[[Floats], Scale]] = {
    "accuracy": identity,
    "logit": logit,
    "log_error": log_error,
    "normal_scores": normal_scores,
}
"""Name -> (training targets) -> scale."""
