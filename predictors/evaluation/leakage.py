"""Columns and rows that give the answer away."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

import numpy as np
from scipy import stats

from predictors.folds import row_keys
from predictors.models.model import Floats

_TELLING = re.compile(
    r"(^|[_/ .-])(acc|accuracy|loss|error|test|val|valid|validation|seconds|time|runtime|duration|epoch|epochs|auc)"
    r"([_/ .-]|\d|$)",
    re.IGNORECASE,
)
_TOO_GOOD = 0.98
_LEAST_ROWS = 20


def leaks(names: Sequence[str], x: Floats, y: Floats, keys: Sequence[Hashable] | None = None) -> list[str]:
    """Return one line for each sign that a predictor would learn the answer rather than the structure.

    - A column whose name says that it was known only after training: a loss, an accuracy, a time, an epoch.
    - A column that alone orders the rows as the target does: |Spearman| >= 0.98, from 20 rows on.
    - Equal rows in different groups: in cross-validation one would give the other away.

    Args:
        names: of the columns.
        x: rows (n, columns).
        y: targets (n,).
        keys: the groups to be held out together; None if equal rows are.
    """
    found = []
    for column, name in enumerate(names):
        if _TELLING.search(name):
            found.append(f"column '{name}' reads like something known only after training. Leave it out (--exclude).")
        elif len(y) >= _LEAST_ROWS and np.ptp(x[:, column]) > 0 and np.ptp(y) > 0:
            order = float(stats.spearmanr(x[:, column], y).statistic)
            if abs(order) >= _TOO_GOOD:
                found.append(
                    f"column '{name}' alone orders the rows as the target does (Spearman {order:.3f}). "
                    f"Leave it out (--exclude) unless it is known before training."
                )
    if keys is not None:
        found += _split_duplicates(x, keys)
    return found


def _split_duplicates(x: Floats, keys: Sequence[Hashable]) -> list[str]:
    groups: dict[bytes, set[Hashable]] = {}
    rows = row_keys(x)
    for row, key in zip(rows, keys, strict=True):
        groups.setdefault(row, set()).add(key)
    split = sum(len(groups[row]) > 1 for row in rows)
    if not split:
        return []
    return [
        f"{split} of {len(rows)} rows equal a row of another group, so folds share networks. "
        f"Group by what makes networks equal (--groups)."
    ]
