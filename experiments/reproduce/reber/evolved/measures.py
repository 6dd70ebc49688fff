"""What is said of a front: the accuracy that a budget of weights buys, the share of a box, the weights that it needs.

Of the networks within a budget the one of best mean validation accuracy on the other fresh seeds counts, by its test
accuracy on the seed left out, on average over these: so the luck of the best of several is in no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from experiments.reproduce.reber.evolved.design import CHANCE
from experiments.reproduce.reber.evolved.fresh import Judged
from experiments.reproduce.reber.evolved.searches import Found
from nas.hypervolume import on_front

Floats: TypeAlias = NDArray[np.float64]

USEFUL = 0.55
"""Validation accuracy below which a network is not retrained, in any arm."""


@dataclass(frozen=True)
class Front:
    """The networks of a front from the sparsest: kept weights (n,), accuracies (n, copies); chance if one diverged."""

    kept: Floats
    val: Floats
    test: Floats


def front(found: Sequence[Found]) -> list[Found]:
    """Return the useful networks that none beats in validation accuracy and weights, the sparsest first."""
    useful = [one for one in found if one.val_accuracy > USEFUL]
    if not useful:
        return []
    on = on_front(np.array([[one.val_accuracy, -float(one.kept)] for one in useful]))
    return sorted((one for one, is_on in zip(useful, on, strict=True) if is_on), key=lambda one: one.kept)


def gathered(rows: Sequence[Judged]) -> Front:
    """Return the front whose copies these are, all of one arm and seed."""
    ordered = sorted(rows, key=lambda row: (row.place, row.copy))
    copies = max((row.copy for row in ordered), default=0) + 1
    val, test = (
        np.nan_to_num([getattr(row, name) for row in ordered], nan=CHANCE).reshape(-1, copies)
        for name in ("val_accuracy", "test_accuracy")
    )
    return Front(np.array([row.kept for row in ordered[::copies]], dtype=np.float64), val, test)


def reached(members: Front, budget: float) -> float:
    """Return the test accuracy that a budget of kept weights buys; chance if no network is within it."""
    within, copies = members.kept <= budget, members.val.shape[1]
    if not within.any():
        return CHANCE
    others = members.val[within].sum(1, keepdims=True) - members.val[within]
    return float(members.test[within][others.argmax(0), np.arange(copies)].mean())


def share(members: Front, least: float, most: float) -> float:
    """Return the share of the box that is dominated: accuracy above chance, and log10 of budgets from least to most."""
    steps = sorted({least, most, *(kept for kept in members.kept.tolist() if least < kept < most)})
    widths = np.diff(np.log10(steps))
    heights = [(reached(members, budget) - CHANCE) / (1.0 - CHANCE) for budget in steps[:-1]]
    return float(np.dot(widths, heights) / widths.sum())


def fewest(members: Front, accuracy: float) -> float | None:
    """Return the fewest kept weights that buy a test accuracy; None if none does."""
    return next((kept for kept in sorted(members.kept.tolist()) if reached(members, kept) >= accuracy), None)
