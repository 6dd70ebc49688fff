"""Cross-validation folds that keep related rows together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from predictors.errors import PredictorError
from predictors.models.model import Floats


def grouped_folds(keys: Sequence[Hashable], count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return each row's fold, (rows,), 0 <= fold < min(count, distinct keys); rows of one key share a fold.

    Groups are shuffled, then the largest goes to the emptiest fold, so that folds differ in size by at most the
    largest group.

    Raises:
        PredictorError: there are fewer than two distinct keys.
    """
    numbers: dict[Hashable, int] = {}
    group = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
    if len(numbers) < 2:
        raise PredictorError(
            f"rows must form at least two groups to be held out in turn; got {len(numbers)} among {len(keys)} rows. "
            f"Give more varied rows, or other groups."
        )
    sizes = np.bincount(group)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    load = np.zeros(min(count, len(sizes)), dtype=np.int64)
    fold_of = np.zeros(len(sizes), dtype=np.int64)
    for member in order:
        fold_of[member] = int(load.argmin())
        load[fold_of[member]] += sizes[member]
    return fold_of[group]


def row_keys(x: Floats) -> list[bytes]:
    """Return a key for each row of (n, columns), the same for equal rows: duplicates never cross folds."""
    return [row.tobytes() for row in np.ascontiguousarray(x)]
