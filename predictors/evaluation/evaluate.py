"""How good a predictor is on networks it was not fitted on: repeated cross-validation with intervals and baselines."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from predictors.conformal import CrossConformal
from predictors.evaluation.ablation import Make, with_deviations
from predictors.evaluation.protocols import Rows, leave_one_group_out
from predictors.evaluation.uncertainty import Interval, bootstrap
from predictors.folds import grouped_folds
from predictors.metrics import agreement, top_regret
from predictors.models.model import Floats
from predictors.targets import SCALES

_MANY_ROWS = 2000
_DRAWS, _FEW_DRAWS = 500, 100


@dataclass(frozen=True)
class Evaluation:
    """Figures of predictions out of fold.

    Attributes:
        figures: r2, mae, spearman, kendall, top_regret (of the best tenth), coverage and width of the intervals; each
            the mean over repeats with its 95 % bootstrap interval over keys.
        predictions: (repeats, n) accuracies.
        lower, upper: (n,) ends of the first repeat's intervals.
    """

    figures: dict[str, Interval]
    predictions: Floats
    lower: Floats = field(repr=False)
    upper: Floats = field(repr=False)


def evaluate(
    make: Make,
    names: Sequence[str],
    x: Floats,
    y: Floats,
    keys: Sequence[Hashable],
    *,
    scale: str = "accuracy",
    folds: int = 10,
    repeats: int = 3,
    coverage: float = 0.9,
    seed: int = 0,
) -> Evaluation:
    """Return the figures of `repeats` cross-validations; a model that tunes itself in `fit` makes them nested ones.

    A row's interval has the half-width that the residuals of all other folds give it, on the scale, in units of the
    deviation that the model expects.

    Args:
        make: column names -> unfitted model.
        names: of the columns of x (n, columns).
        y: accuracies (n,).
        keys: rows of one key are held out together, and drawn together in the bootstrap.
        scale: of the targets, a name of SCALES.

    Raises:
        PredictorError: there are fewer than two distinct keys.
    """
    chosen = SCALES[scale](y)
    rng = np.random.default_rng(seed)
    found, expected = with_deviations(make, names, x, chosen.forward(y), keys, rng, folds, repeats)
    return judged(y, found, expected, keys, scale=scale, folds=folds, coverage=coverage, seed=seed)


def judged(
    y: Floats,
    found: Floats,
    expected: Floats,
    keys: Sequence[Hashable],
    *,
    scale: str = "accuracy",
    folds: int = 10,
    coverage: float = 0.9,
    seed: int = 0,
) -> Evaluation:
    """Return the figures of predictions that were made out of the folds `repeated_folds` draws from `seed`.

    Args:
        y: accuracies (n,).
        found: (repeats, n) predictions on the scale.
        expected: (repeats, n) > 0, the deviations that the models expected.
        keys, scale, folds, coverage, seed: see `evaluate`.
    """
    chosen = SCALES[scale](y)
    scaled = chosen.forward(y)
    predictions = chosen.backward(found)
    rng = np.random.default_rng(seed)
    ends = [
        chosen.ends(*_ends(grouped_folds(keys, folds, rng), scaled, chosen.forward(one), deviations, coverage))
        for one, deviations in zip(predictions, expected, strict=True)
    ]
    lower, upper = (np.stack(side) for side in zip(*ends, strict=True))
    return Evaluation(_figures(y, predictions, lower, upper, keys, seed), predictions, lower[0], upper[0])


def by_group(
    make: Make, names: Sequence[str], x: Floats, y: Floats, groups: Sequence[Hashable], *, scale: str = "accuracy"
) -> dict[str, dict[str, float]]:
    """Return the figures of each group (a method, a network, a generator) by a model that saw nothing of it."""
    chosen = SCALES[scale](y)
    found = {}
    for split in leave_one_group_out(groups):
        model = make(names).fit(x[split.train], chosen.forward(y[split.train]))
        if len(split.test) > 1:
            found[split.name] = agreement(y[split.test], chosen.backward(model.predict(x[split.test])))
    return found


def beyond(measured: Floats, predicted: Floats, baseline: Floats) -> float:
    """Return the partial R^2: the share of the baseline's squared error that the predictions do away with."""
    left = float(((measured - baseline) ** 2).sum())
    return 1.0 - float(((measured - predicted) ** 2).sum()) / left if left > 0 else 0.0


def _ends(folds: Rows, scaled: Floats, predicted: Floats, expected: Floats, coverage: float) -> tuple[Floats, Floats]:
    conformal = CrossConformal([], folds, np.abs(scaled - predicted), predicted, expected)
    widths = conformal.held_out_half_widths(coverage)
    return predicted - widths, predicted + widths


_NAMES = ("r2", "mae", "spearman", "kendall", "top_regret", "coverage", "width")


def _figures(
    y: Floats, predictions: Floats, lower: Floats, upper: Floats, keys: Sequence[Hashable], seed: int
) -> dict[str, Interval]:
    inside = (lower <= y + 1e-12) & (y <= upper + 1e-12)

    def figures(rows: Rows) -> Floats:
        found = []
        for repeat, predicted in enumerate(predictions):
            values = agreement(y[rows], predicted[rows])
            values["top_regret"] = top_regret(y[rows], predicted[rows])
            values["coverage"] = float(inside[repeat, rows].mean())
            values["width"] = float((upper - lower)[repeat, rows].mean())
            found.append([values[name] for name in _NAMES])
        return np.asarray(np.mean(found, axis=0))

    draws = _DRAWS if len(y) <= _MANY_ROWS else _FEW_DRAWS
    return dict(zip(_NAMES, bootstrap(figures, keys, np.random.default_rng(seed), draws), strict=True))
