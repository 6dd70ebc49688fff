"""The block Matérn process as a guide: one length scale for each group of features, and exact deviations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nas.guidance.guide import Floats
from predictors.models.block_matern import BlockMatern
from predictors.models.blocks import blocks_of, raw_blocks

ITERATIONS = 25
"""Of L-BFGS: more changes no choice that was seen, and costs."""
MOST_ROWS = 600
"""A longer history is thinned to so many rows, since a fit is cubic in them: the best third, the rest drawn."""


class ProcessGuide:
    """Mean and deviation of a Gaussian process; the deviation is that of one more measurement, noise included."""

    def __init__(self, names: Sequence[str], seed: int) -> None:
        self._model = BlockMatern(blocks_of(names), raw_blocks(names), iterations=ITERATIONS, seed=seed)

    def fit(self, x: Floats, y: Floats) -> Self:
        """Maximise the marginal likelihood on rows x (n, columns) and merits y (n,)."""
        kept = _thinned(y)
        self._model.fit(x[kept], y[kept])
        return self

    def posterior(self, x: Floats) -> tuple[Floats, Floats]:
        """Return the posterior's mean and deviation at rows (m, columns)."""
        mean, deviation = self._model.predict(x, return_std=True)
        return mean, deviation.clip(min=1e-9)


def _thinned(y: Floats) -> NDArray[np.int64]:
    order = np.argsort(-y, kind="stable")
    best, rest = order[: MOST_ROWS // 3], order[MOST_ROWS // 3 :]
    drawn = min(len(rest), MOST_ROWS - len(best))
    return np.sort(np.concatenate([best, np.random.default_rng(len(y)).choice(rest, drawn, replace=False)]))


def process(names: Sequence[str], seed: int) -> ProcessGuide:
    """Return an unfitted Gaussian process.

    Source: Rasmussen and Williams 2006, equations 2.25 and 2.26; see `BlockMatern`.
    """
    return ProcessGuide(names, seed)
