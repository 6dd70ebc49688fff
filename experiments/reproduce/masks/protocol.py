"""How predictors of pruned CNNs are judged: whole methods or networks held out, ranks within equal settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import expit, logit

from predictors.conformal import CrossConformal
from predictors.evaluation import ceiling
from predictors.metrics import agreement
from predictors.models.model import Floats

Labels: TypeAlias = npt.NDArray[np.str_]
FitPredict: TypeAlias = Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], Floats]
"""(training rows, rows to predict) -> predicted accuracies of the latter."""

_EDGES = 0.005, 0.995


def held_out(fit_predict: FitPredict, groups: Labels) -> Floats:
    """Return predictions (n,) of each row by a fit without its group."""
    predictions = np.empty(len(groups))
    for group in np.unique(groups):
        inside = groups == group
        predictions[inside] = fit_predict(np.flatnonzero(~inside), np.flatnonzero(inside))
    return predictions


@dataclass(frozen=True)
class Fixed:
    """A model whose predictions are known already, on the logit scale, for the rows that are asked for."""

    values: Floats

    def predict(self, x: Floats) -> Floats:
        """Return the predictions; `x` is not looked at."""
        return self.values


def held_out_intervals(
    fit_predict: FitPredict, accuracies: Floats, groups: Labels, coverage: float = 0.9, plus: bool = True
) -> tuple[Floats, Floats]:
    """Return the ends (n,) of CV+ intervals whose folds are groups too, computed on logits.

    For a held-out group, each other group is left out of the training rows in turn: its residuals say how far off
    a group never seen can be, which folds drawn at random would not.
    """
    target = logit(np.clip(accuracies, *_EDGES))
    lower, upper = np.empty(len(groups)), np.empty(len(groups))
    for group in np.unique(groups):
        test, train = np.flatnonzero(groups == group), np.flatnonzero(groups != group)
        names, folds = np.unique(groups[train], return_inverse=True)
        models, own = [], np.empty(len(train))
        for fold in range(len(names)):
            out = np.concatenate([train[folds == fold], test])
            found = logit(np.clip(fit_predict(train[folds != fold], out), *_EDGES))
            own[folds == fold] = found[: -len(test)]
            models.append(Fixed(found[-len(test) :]))
        conformal = CrossConformal(models, folds, np.abs(target[train] - own), own)  # type: ignore[arg-type]
        ends = conformal.bounds(np.empty((len(test), 0)), coverage, plus)
        lower[test], upper[test] = expit(ends[0]), expit(ends[1])
    return lower, upper


def within(measured: Floats, predicted: Floats, settings: Labels) -> Floats:
    """Return Spearman's rank correlation within each setting, 0 where a side is constant, (settings,)."""
    found = []
    for setting in np.unique(settings):
        inside = settings == setting
        found.append(agreement(measured[inside], predicted[inside])["spearman"])
    return np.array(found)


def of_means(measured: Floats, predicted: Floats, settings: Labels, methods: Labels) -> Floats:
    """Return the same between the methods' means in each setting."""
    both = np.char.add(np.char.add(settings, " "), methods)
    keys = np.unique(both)
    means = np.array([[values[both == key].mean() for values in (measured, predicted)] for key in keys])
    return within(means[:, 0], means[:, 1], np.array([key.rsplit(" ", 1)[0] for key in keys]))


@dataclass(frozen=True)
class Scores:
    """Agreement over all rows, and the mean rank correlation within settings with its t interval at 95 %."""

    r2: float
    mae: float
    spearman: float
    cell: float
    cell_low: float
    cell_high: float
    cell_of_means: float

    def as_row(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


def scores(measured: Floats, predicted: Floats, settings: Labels, methods: Labels) -> Scores:
    """Return how well (n,) predictions do."""
    all_rows, cells = agreement(measured, predicted), within(measured, predicted, settings)
    mean, half = float(cells.mean()), _half_width(cells)
    return Scores(
        all_rows["r2"],
        all_rows["mae"],
        all_rows["spearman"],
        mean,
        mean - half,
        mean + half,
        float(of_means(measured, predicted, settings, methods).mean()),
    )


def _half_width(values: Floats) -> float:
    return float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))


def noise_ceiling(
    measured: Floats, settings: Labels, methods: Labels, rng: np.random.Generator, draws: int = 200
) -> float:
    """Return the mean within-setting rank correlation of a predictor that knew each method's true mean.

    Settings in which no method was run twice do not count. See `predictors.evaluation.noise_ceiling`.
    """
    inside = [settings == setting for setting in np.unique(settings)]
    found = [ceiling.noise_ceiling(measured[rows], list(methods[rows]), rng, draws) for rows in inside]
    return float(np.mean([each["spearman"] for each in found if each]))


def other_seeds(measured: Floats, settings: Labels, methods: Labels) -> Floats:
    """Return for each run the mean of the other seeds of its method and setting; its own where there are none."""
    both, found = np.char.add(settings, methods), measured.copy()
    for number, key in enumerate(both):
        same = np.flatnonzero(both == key)
        if len(same) > 1:
            found[number] = measured[same[same != number]].mean()
    return found


def paired_cells(first: Floats, second: Floats) -> Sequence[float]:
    """Return mean, low and high of first - second over settings, t interval at 95 %."""
    difference = first - second
    mean, half = float(difference.mean()), _half_width(difference)
    return mean, mean - half, mean + half
