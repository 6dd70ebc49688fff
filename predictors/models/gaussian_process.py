"""A Gaussian process with a Matérn kernel: smooth, and strong on few rows."""

from __future__ import annotations

from collections.abc import Sequence

from predictors.models.block_matern import BlockMatern
from predictors.models.model import Model


def gaussian_process(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return an unfitted Matérn process with one length scale for all columns; its threads are those of BLAS.

    Source: Rasmussen and Williams 2006, sections 2.2 and 4.2.
    """
    return BlockMatern(seed=seed)
