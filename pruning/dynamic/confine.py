"""Masks inside an allowed mask: the check, and a random start."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from pruning.counts import budget, exact_counts
from pruning.errors import PruningError
from pruning.masks import MaskSet
from pruning.ranking import DEAD, top


def check_within(masks: Mapping[str, Tensor], allowed: Mapping[str, Tensor]) -> None:
    """Return None if every kept weight is an allowed one.

    Raises:
        PruningError: naming the first layer that keeps a weight which is not allowed, or has no allowed mask.
    """
    for name, mask in masks.items():
        if name not in allowed or allowed[name].shape != mask.shape:
            raise PruningError(
                f"the allowed mask must have the masks' layers and shapes; got none that fits '{name}'. "
                f"Make both for the same network."
            )
        outside = int((mask.cpu() & ~allowed[name].cpu()).count_nonzero())
        if outside:
            raise PruningError(
                f"kept weights must lie within the allowed mask; got {outside} outside it ('{name}'). "
                f"Start from random_within(allowed, density, generator)."
            )


def counts_within(allowed: MaskSet, density: float) -> dict[str, int]:
    """Return how many weights each layer keeps at `density`, in proportion to what it is allowed.

    Args:
        allowed: the mask to stay within.
        density: kept fraction of all the network's prunable weights (not of the allowed ones).

    Returns:
        Layer -> count; they add up to round(density * total) exactly.

    Raises:
        PruningError: that is more than is allowed, or less than one weight a layer.
    """
    sizes = allowed.counts()
    kept = budget(density, {name: mask.numel() for name, mask in allowed.items()})
    if kept > allowed.kept or 0 in sizes.values():
        raise PruningError(
            f"density must be at most the allowed mask's {allowed.density:.6g}, which must leave no layer empty; "
            f"got {density:g} of {allowed}. Allow more, or keep less."
        )
    return exact_counts({name: float(size) for name, size in sizes.items()}, sizes, kept)


def random_within(allowed: MaskSet, density: float, generator: torch.Generator) -> MaskSet:
    """Return random masks of exactly round(density * total) weights, all of them allowed.

    Each layer keeps a share in proportion to what it is allowed, every choice of that many being equally likely.

    Args:
        allowed: the mask to stay within.
        density: kept fraction of all the network's prunable weights (not of the allowed ones).
        generator: a CPU generator.

    Raises:
        PruningError: the density keeps more than is allowed, or less than one weight a layer.
    """
    found = {}
    for name, count in counts_within(allowed, density).items():
        mask = allowed[name]
        scores = torch.rand(mask.shape, generator=generator, dtype=torch.float64).masked_fill_(~mask, DEAD)
        found[name] = top(scores.view(-1), count, ties=0).view(mask.shape)
    return MaskSet(found)
