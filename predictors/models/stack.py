"""A stacked ensemble: how much to trust the process and the trees is learned from rows they did not see."""

from __future__ import annotations

from collections.abc import Sequence

from predictors.models.blocks import blocks_of, raw_blocks
from predictors.models.ensemble import Ensemble
from predictors.models.model import Model


def stack(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return the unfitted ensemble with learned weights; fitting costs about six times that of `mixture`."""
    return Ensemble(None, blocks_of(names), raw_blocks(names), seed=seed, threads=threads)
