"""What seeds leave to be predicted, and how far below it predictions are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.reproduce.reber.graphs import Floats
from predictors.evaluation import Interval, beyond, over_rows


def ceiling(accuracies: Floats) -> Interval:
    """Return the largest R^2 that knowing every graph's expected accuracy would give on means over seeds.

    1 - (variance between seeds / seeds) / (variance of the means), with its bootstrap interval over graphs: the
    reliability of a mean of k runs (Spearman-Brown of the one-way intraclass correlation).

    Args:
        accuracies: (graphs, seeds).
    """
    return over_rows(lambda chosen: ceiling_of(accuracies[chosen]), range(len(accuracies)), np.random.default_rng(0))


def gap(accuracies: Floats, predictions: Floats) -> Interval:
    """Return the ceiling minus R^2, both of the same graphs, with its bootstrap interval over graphs.

    Args:
        accuracies: (graphs, seeds).
        predictions: (repeats, graphs) of their means.
    """
    means = accuracies.mean(1)

    def figure(chosen: npt.NDArray[np.int64]) -> float:
        return ceiling_of(accuracies[chosen]) - r2_of(means[chosen], predictions[:, chosen])

    return over_rows(figure, range(len(accuracies)), np.random.default_rng(0))


def ceiling_of(accuracies: Floats) -> float:
    """Return `ceiling` without its interval."""
    noise = float(np.mean(accuracies.var(axis=1, ddof=1)) / accuracies.shape[1])
    return max(0.0, 1.0 - noise / float(np.var(accuracies.mean(1), ddof=1)))


def r2_of(y: Floats, predictions: Floats) -> float:
    """Return R^2 of (repeats, n) predictions of y (n,), mean over repeats."""
    centre = np.full_like(y, y.mean())
    return float(np.mean([beyond(y, one, centre) for one in predictions]))
