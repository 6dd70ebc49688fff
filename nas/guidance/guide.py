"""What a guide is: a model of how good networks are, from their structure, that knows how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


class Guide(Protocol):
    """Fitted on rows of features and merits (see merit.py), it returns beliefs about other rows."""

    def fit(self, x: Floats, y: Floats) -> Self:
        """Learn from features (n, columns) and merits (n,), all finite, n >= 2; return self."""

    def posterior(self, x: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation (above 0) of the merit of each row (m, columns)."""


Maker: TypeAlias = Callable[[Sequence[str], int], Guide]
"""(column names as "group/name", seed) -> unfitted guide; equal arguments give equal beliefs."""
