"""The recipe's mix: twice a block Gaussian process, once boosted, once randomised trees."""

from __future__ import annotations

from collections.abc import Sequence

from predictors.models.blocks import blocks_of, raw_blocks
from predictors.models.ensemble import Ensemble
from predictors.models.model import Model


def mixture(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return the unfitted mean of the three, weights 2, 1 and 1; each group of columns is a block of the process."""
    return Ensemble(blocks=blocks_of(names), raw=raw_blocks(names), seed=seed, threads=threads)
