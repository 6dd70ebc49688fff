"""A Gaussian process that weighs each group of features by itself."""

from __future__ import annotations

from collections.abc import Sequence

from predictors.models.block_matern import BlockMatern
from predictors.models.blocks import blocks_of, raw_blocks
from predictors.models.model import Model


def block_gaussian_process(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return an unfitted Matérn process with one length scale and one amplitude for each group of columns.

    Its threads are those of BLAS. Source: see `BlockMatern`.
    """
    return BlockMatern(blocks_of(names), raw_blocks(names), seed=seed)
