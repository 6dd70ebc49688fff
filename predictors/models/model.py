"""What every model of this family can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, Self, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


class Model(Protocol):
    """A scikit-learn estimator for regression that is also a file without code: bytes there and back.

    After `restore`, an unfitted model with the same arguments predicts the same bits as the one that was dumped.
    """

    suffix: str
    """How the file's name ends: ubj (XGBoost's own format) or npz (arrays, no pickle)."""

    def fit(self, x: Floats, y: Floats) -> Self:
        """Fit to rows (n, columns) and targets (n,), all finite, n >= 1; return self."""
        ...

    def predict(self, x: Floats) -> Floats:
        """Return (m,) predictions for rows (m, columns)."""
        ...

    def deviation(self, x: Floats) -> Floats:
        """Return (m,) > 0: how much of an error is to be expected on each row, up to a factor; 1 if all are alike."""
        ...

    def dump(self) -> bytes:
        """Return the fitted model as a file's content."""
        ...

    def restore(self, content: bytes) -> Self:
        """Take over the fitted model of a file's content; return self."""
        ...


Maker: TypeAlias = Callable[[Sequence[str], int, int], Model]
"""(column names, seed, threads) -> unfitted model."""
