"""Rows of named figures as checked matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from predictors.errors import PredictorError
from predictors.models.model import Floats


def columns(rows: Sequence[Mapping[str, float]], groups: Sequence[str] | None) -> list[str]:
    """Return the column names of the first row, in its order; only those of the feature groups, if given.

    Raises:
        PredictorError: there is no row, or no column is left.
    """
    if not rows:
        raise PredictorError("rows must hold at least one row; got none. Give the features of trained networks.")
    names = [name for name in rows[0] if groups is None or _group(name) in groups]
    if not names:
        wanted = "" if groups is None else f" of the groups {', '.join(groups)}"
        raise PredictorError(
            f"rows must have at least one column{wanted}; got {len(rows[0])} columns, none of them. "
            f"Compute the features of these groups."
        )
    return names


def matrix(rows: Sequence[Mapping[str, float]], names: Sequence[str], groups: Sequence[str] | None = None) -> Floats:
    """Return (rows, columns) float64 in the order of `names`.

    Args:
        rows: each with exactly these columns; when `groups` is given, columns of other groups are passed over.
        names: the columns.
        groups: feature groups that the columns were taken from; None for all.

    Raises:
        PredictorError: a column is missing or not known, or a value is not a finite number.
    """
    expected = set(names)
    for number, row in enumerate(rows):
        if row.keys() != expected:
            _check_columns(row, expected, groups, number)
    try:
        values = np.array([[row[name] for name in names] for row in rows], dtype=np.float64)
    except (TypeError, ValueError):
        raise _not_a_number(rows, names) from None
    values = values.reshape(len(rows), len(names))
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        row_number, column = (int(i) for i in wrong[0])
        raise PredictorError(
            f"every feature must be finite; got {values[row_number, column]} ('{names[column]}' of row {row_number}; "
            f"{len(wrong)} such). Leave the row out, or compute the feature again."
        )
    return values


def accuracies(targets: Sequence[float], count: int) -> Floats:
    """Return the targets as (count,) float64.

    Raises:
        PredictorError: their number differs from the rows', one is not in [0, 1], or all are equal.
    """
    y = np.asarray(targets, dtype=np.float64).ravel()
    if len(y) != count:
        raise PredictorError(f"rows and targets must be as many; got {count} rows and {len(y)} targets. Pair them up.")
    wrong = np.flatnonzero(~((y >= 0) & (y <= 1)))
    if len(wrong):
        raise PredictorError(
            f"every target must be an accuracy in [0, 1]; got {y[wrong[0]]} (row {wrong[0]}; {len(wrong)} such). "
            f"Leave failed trials out; divide percentages by 100."
        )
    if count > 1 and y.min() == y.max():
        raise PredictorError(
            f"targets must differ; got {y[0]} in all {count} rows. Train more varied networks, or longer."
        )
    return y


def _group(name: str) -> str:
    return name.partition("/")[0]


def _check_columns(row: Mapping[str, float], expected: set[str], groups: Sequence[str] | None, number: int) -> None:
    missing = sorted(expected - row.keys())
    extra = sorted(n for n in row.keys() - expected if groups is None or _group(n) in groups)
    for names, what in ((missing, "missing"), (extra, "unknown")):
        if names:
            raise PredictorError(
                f"every row must have the predictor's {len(expected)} columns and no other; {what} "
                f"{_listed(names)} (row {number}). Compute the features with the same groups and version."
            )


def _listed(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _not_a_number(rows: Sequence[Mapping[str, float]], names: Sequence[str]) -> PredictorError:
    for number, row in enumerate(rows):
        for name in names:
            try:
                float(row[name])
            except (TypeError, ValueError):
                return PredictorError(
                    f"every feature must be a number; got {row[name]!r} ('{name}' of row {number}). "
                    f"Leave text columns out."
                )
    return PredictorError("every feature must be a single number; got a list. Give one value a column.")
