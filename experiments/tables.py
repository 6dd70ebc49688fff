"""Tables to fit a predictor on: the records of studies and CSV files, as rows of text or numbers by column."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from experiments.errors import ExperimentError
from predictors.beside import training_columns
from pruning.naming import unknown

Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Samples:
    """What a predictor is fitted on. `groups[i]` names the group row i belongs to in cross-validation."""

    rows: list[dict[str, float]]
    targets: list[float]
    groups: list[str] | None
    dropped: int
    """Rows without a target, such as failed trials."""


def read_csv(file: Path) -> list[Row]:
    """Return the rows of a CSV file with a header line.

    Raises:
        ExperimentError: the file cannot be read, has no header, or a line has too many or too few fields.
    """
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            reader = csv.DictReader(lines)
            rows: list[Row] = []
            for row in reader:
                if None in row or None in row.values():
                    raise ExperimentError(
                        f"a table's lines must have as many fields as its header; "
                        f"got another number ({file}, line {reader.line_num}). Mend that line."
                    )
                rows.append(row)
    except OSError as error:
        raise ExperimentError(f"a table must be readable; got '{error.strerror}' ({file}).") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ExperimentError(f"a table must be CSV in UTF-8; got '{error}' ({file}).") from None
    if not rows:
        raise ExperimentError(f"a table must have a header and rows; got none ({file}).")
    return rows


def with_trainings(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of trials with a column "training/NAME" for each training, where these are several.

    Only of tables with features, in which each row that has a value in "training" names a training there.
    """
    from pruning.dynamic import TRAININGS

    named = [str(row["training"]) for row in rows if _present(row.get("training"))]
    found = [name for name in TRAININGS if name in named]
    if len(found) < 2 or not set(named) <= TRAININGS.keys() or not any("/" in column for row in rows for column in row):
        return list(rows)
    return [{**row, **training_columns(str(row.get("training")), found)} for row in rows]


def samples(
    rows: Sequence[Row],
    target: str,
    feature_groups: Sequence[str] = (),
    exclude: Iterable[str] = (),
    groups: str | None = None,
) -> Samples:
    """Return the rows that have a target, as features and targets.

    Features are the columns named "group/name" if there are any, else every column but the target, the groups and
    the excluded ones.

    Args:
        rows: with equal columns.
        target: column to predict.
        feature_groups: which groups of features to use; none for all.
        exclude: columns to leave out.
        groups: column that names each row's group.

    Raises:
        ExperimentError: a column or group is not there, no row is left, or a value is no finite number.
    """
    columns = list(dict.fromkeys(column for row in rows for column in row))
    excluded = set(exclude)
    for column in [target, *excluded, *([groups] if groups else [])]:
        if column not in columns:
            raise ExperimentError(unknown("column", column, columns))
    names = [c for c in columns if c not in {target, groups} | excluded]
    names = _features(names, feature_groups)
    kept = [(number, row) for number, row in enumerate(rows, start=1) if _present(row.get(target))]
    if not kept or not names:
        missing = "row with a value" if not kept else "column of features beside it"
        raise ExperimentError(f"target '{target}' must have at least one {missing}; got none (--target).")
    targets = [_number(row[target], target, number) for number, row in kept]
    return Samples(
        rows=[{name: _number(row.get(name), name, number) for name in names} for number, row in kept],
        targets=targets,
        groups=[str(row[groups]) for _, row in kept] if groups else None,
        dropped=len(rows) - len(kept),
    )


def _features(names: list[str], chosen: Sequence[str]) -> list[str]:
    named = [name for name in names if "/" in name]
    there = sorted({name.partition("/")[0] for name in named})
    for group in chosen:
        if group not in there:
            raise ExperimentError(unknown("feature group", group, there))
    return [name for name in named if not chosen or name.partition("/")[0] in chosen] if named else names


def _present(value: object) -> bool:
    return value is not None and str(value).strip() != ""


def _number(value: object, column: str, row: int) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ExperimentError(
            f"column '{column}' must hold finite numbers; got {value!r} (row {row}). "
            f"Mend it, or leave the column out with --exclude."
        )
    return number
