"""Which rows to fit on and which to judge by."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from predictors.errors import PredictorError
from predictors.folds import grouped_folds

Rows: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Rows to fit on and rows to judge by, disjoint; `name` says which split of its protocol it is."""

    name: str
    train: Rows
    test: Rows


def repeated_folds(keys: Sequence[Hashable], count: int, repeats: int, rng: np.random.Generator) -> Iterator[Split]:
    """Yield the splits of `repeats` independent cross-validations; rows of one key are held out together.

    In each repeat every row is judged once. Names are "repeat/fold".

    Raises:
        PredictorError: there are fewer than two distinct keys.
    """
    for repeat in range(repeats):
        folds = grouped_folds(keys, count, rng)
        for fold in range(int(folds.max()) + 1):
            yield Split(f"{repeat}/{fold}", np.flatnonzero(folds != fold), np.flatnonzero(folds == fold))


def leave_one_group_out(keys: Sequence[Hashable]) -> Iterator[Split]:
    """Yield one split for each key, in order of appearance: judged by its rows, fitted on all others.

    Raises:
        PredictorError: there are fewer than two distinct keys.
    """
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    if len(numbers) < 2:
        raise PredictorError(
            f"leaving one group out must leave another; got {len(numbers)} group among {len(keys)} rows. "
            f"Choose a column with more values."
        )
    group = np.array([numbers[key] for key in keys])
    for key, number in numbers.items():
        yield Split(str(key), np.flatnonzero(group != number), np.flatnonzero(group == number))


def learning_splits(count: int, sizes: Sequence[int], tested: int, rng: np.random.Generator) -> Iterator[Split]:
    """Yield for one draw a split of each training size: nested training sets, and the same test rows for all.

    Args:
        count: rows there are.
        sizes: training rows; rising.
        tested: test rows, drawn first.
        rng: one generator a draw.

    Raises:
        PredictorError: there are too few rows.
    """
    _enough(count, max(sizes) + tested)
    order = rng.permutation(count)
    for size in sizes:
        yield Split(str(size), order[tested : tested + size], order[:tested])


def unseen_class_splits(
    classes: Sequence[int], sizes: Sequence[int], tested: int, rng: np.random.Generator
) -> Iterator[Split]:
    """Yield as `learning_splits`, but judged by one row each of classes that no training row belongs to.

    Rows that are the same network in other words are then neither learned from nor counted twice.
    """
    kind = np.asarray(classes)
    order = rng.permutation(len(kind))
    _enough(len(kind), max(sizes) + 1)
    for size in sizes:
        train, rest = order[:size], order[size:]
        unseen = rest[~np.isin(kind[rest], kind[train])]
        first = unseen[np.sort(np.unique(kind[unseen], return_index=True)[1])]
        _enough(len(first) + size, size + 1)
        yield Split(str(size), train, first[:tested])


def _enough(there: int, needed: int) -> None:
    if there < needed:
        raise PredictorError(
            f"rows must be enough to fit on and to judge by; got {there}, needed {needed}. "
            f"Ask for fewer, or give more rows."
        )
