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
        expected: (n,) the deviation those models expected there; None if every row's is the same.
    """

    models: Sequence[Model]
    folds: npt.NDArray[np.int64]
    residuals: Floats
    predictions: Floats
    expected: Floats | None = None

    def bounds(self, x: Floats, coverage: float, plus: bool = True) -> tuple[Floats, Floats]:
        """Return the lower and upper ends (m,) of CV+ intervals, infinite where n is too small for the coverage.

        With r_i the residuals over what was expected there, m_-k(i) the model without row i's fold, d_-k(i) the
        deviation it expects and a = 1 - coverage, they are the floor(a (n + 1))-th smallest of
        m_-k(i)(x) - r_i d_-k(i)(x) and the ceil((1 - a)(n + 1))-th smallest of m_-k(i)(x) + r_i d_-k(i)(x). So rows
        on which more is known have narrower intervals, where the model tells them apart; d is 1 if it does not.

        Guarantee: a fresh row, exchangeable with the training rows, is inside with probability at least
        1 - 2a - min(2 (1 - 1/K) / (n/K + 1), (1 - K/n) / (K + 1)); a little over 1 - a in practice, the more so the
        fewer rows there are: residuals come from models of n - n/K rows, and the models differ from each other.

        Without `plus` they are the mean over rows of m_-k(i)(x), give or take the ceil((1 - a)(n + 1))-th smallest r_i
        times the mean deviation: narrower, and closer to 1 - a where measured, but nothing is guaranteed for models
        that one fold changes much.

        Source: Barber, Candes, Ramdas, Tibshirani, Annals of Statistics 49, 2021, arXiv 1905.02928, section 3 (CV+);
            Lei et al. 2018, JASA 113, arXiv 1604.04173, section 5.2 (residuals scaled by what is expected).
        """
        by_fold = np.stack([model.predict(x) for model in self.models])
        spread = None if self.expected is None else np.stack([model.deviation(x) for model in self.models])
        ratios = self.ratios
        low_rank, high_rank = ranks(len(ratios), coverage)
        if not plus:
            return self._centred(by_fold, np.ones_like(by_fold) if spread is None else spread, high_rank)
        lower, upper = np.full(len(x), -np.inf), np.full(len(x), np.inf)
        step = max(1, _CHUNK // len(ratios))
        for start in range(0, len(x), step):
            part = slice(start, start + step)
            centres = by_fold[:, part].T[:, self.folds]
            misses = ratios if spread is None else ratios * spread[:, part].T[:, self.folds]
            if low_rank >= 1:
                lower[part] = np.partition(centres - misses, low_rank - 1, axis=1)[:, low_rank - 1]
            if high_rank <= len(ratios):
                upper[part] = np.partition(centres + misses, high_rank - 1, axis=1)[:, high_rank - 1]
        return lower, upper

    def _centred(self, by_fold: Floats, spread: Floats, rank: int) -> tuple[Floats, Floats]:
        shares = np.bincount(self.folds, minlength=len(by_fold)) / len(self.folds)
        reach = np.sort(self.ratios)[rank - 1] if rank <= len(self.folds) else np.inf
        centre, half = shares @ by_fold, reach * (shares @ spread)
        return np.asarray(centre - half), np.asarray(centre + half)

    @property
    def ratios(self) -> Floats:
        """Residuals over what was expected, (n,)."""
        return self.residuals if self.expected is None else self.residuals / self.expected

    def held_out_half_widths(self, coverage: float) -> Floats:
        """Return for each row the half-width (n,) that the rows of all other folds would have given it."""
        widths = np.full(len(self.residuals), np.inf)
        for fold in np.unique(self.folds):
            others = np.sort(self.ratios[self.folds != fold])
            _, rank = ranks(len(others), coverage)
            if rank <= len(others):
                widths[self.folds == fold] = others[rank - 1]
        return widths if self.expected is None else widths * self.expected


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
    return CrossConformal(models, folds, np.abs(y - predictions), predictions, expected(models, folds, x))


def expected(models: Sequence[Model], folds: npt.NDArray[np.int64], x: Floats) -> Floats | None:
    """Return the deviation (n,) that each row's model, fitted without it, expects; None if every row's is the same."""
    found = np.empty(len(x))
    for fold, model in enumerate(models):
        found[folds == fold] = model.deviation(x[folds == fold])
    return found if np.ptp(found) > 0 else None


def ranks(count: int, coverage: float) -> tuple[int, int]:
    """Return the ranks floor(a (n + 1)) and ceil((1 - a)(n + 1)), a = 1 - coverage, of n values counted from 1.

    Ranks 0 and n + 1 stand for minus and plus infinity.
    """
    exact = coverage * (count + 1)
    high = math.ceil(round(exact, 9))  # rounded, because 0.9 * 10 must be 9 and not a little more
    return count + 1 - high, high
