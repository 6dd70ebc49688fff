"""Prediction intervals from cross-validation: CV+."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from predictors.models.model import Floats, Model

_CHUNK = 4_000_000
"""Entries of the largest array formed at once."""


@dataclass(frozen=True)
class CrossConformal:
    """K models, each fitted without one fold, and what each missed on its fold.

    Attributes:
        models: one for each fold.
        folds: (n,) the fold of each training row.
        residuals: (n,) |target - prediction of the model that did not see the row|.
        predictions: (n,) those predictions.
    """

    models: Sequence[Model]
    folds: npt.NDArray[np.int64]
    residuals: Floats
    predictions: Floats

    def bounds(self, x: Floats, coverage: float) -> tuple[Floats, Floats]:
        """Return the lower and upper ends (m,) of CV+ intervals, infinite where n is too small for the coverage.

        With r_i the residuals, m_-k(i) the model without row i's fold and a = 1 - coverage, they are the
        floor(a (n + 1))-th smallest of m_-k(i)(x) - r_i and the ceil((1 - a)(n + 1))-th smallest of
        m_-k(i)(x) + r_i.

        Guarantee: a fresh row, exchangeable with the training rows, is inside with probability at least
        1 - 2a - min(2 (1 - 1/K) / (n/K + 1), (1 - K/n) / (K + 1)); close to 1 - a in practice.

        Source: Barber, Candes, Ramdas, Tibshirani, Annals of Statistics 49, 2021, arXiv 1905.02928, section 3 (CV+).
        """
        by_fold = np.stack([model.predict(x) for model in self.models])
        low_rank, high_rank = ranks(len(self.residuals), coverage)
        lower, upper = np.full(len(x), -np.inf), np.full(len(x), np.inf)
        step = max(1, _CHUNK // len(self.residuals))
        for start in range(0, len(x), step):
            part = slice(start, start + step)
            centres = by_fold[:, part].T[:, self.folds]
            if low_rank >= 1:
                lower[part] = np.partition(centres - self.residuals, low_rank - 1, axis=1)[:, low_rank - 1]
            if high_rank <= len(self.residuals):
                upper[part] = np.partition(centres + self.residuals, high_rank - 1, axis=1)[:, high_rank - 1]
        return lower, upper

    def held_out_half_widths(self, coverage: float) -> Floats:
        """Return for each row the half-width (n,) that the rows of all other folds would have given it."""
        widths = np.full(len(self.residuals), np.inf)
        for fold in np.unique(self.folds):
            others = np.sort(self.residuals[self.folds != fold])
            _, rank = ranks(len(others), coverage)
            if rank <= len(others):
                widths[self.folds == fold] = others[rank - 1]
        return widths


def cross_conformal(
    make: Callable[[], Model],
    x: Floats,
    y: Floats,
    folds: npt.NDArray[np.int64],
    settle: Callable[[Floats], Floats] = lambda values: np.clip(values, 0.0, 1.0),
) -> CrossConformal:
    """Return the models fitted without each fold of rows x (n, columns), targets y (n,), and their residuals.

    `settle` brings predictions into the range that targets can have: [0, 1] unless they are on another scale.
    """
    models, predictions = [], np.empty(len(y))
    for fold in range(int(folds.max()) + 1):
        held_out = folds == fold
        model = make().fit(x[~held_out], y[~held_out])
        predictions[held_out] = settle(model.predict(x[held_out]))
        models.append(model)
    return CrossConformal(models, folds, np.abs(y - predictions), predictions)


def ranks(count: int, coverage: float) -> tuple[int, int]:
    """Return the ranks floor(a (n + 1)) and ceil((1 - a)(n + 1)), a = 1 - coverage, of n values counted from 1.

    Ranks 0 and n + 1 stand for minus and plus infinity.
    """
    exact = coverage * (count + 1)
    high = math.ceil(round(exact, 9))  # rounded, because 0.9 * 10 must be 9 and not a little more
    return count + 1 - high, high
