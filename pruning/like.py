"""The layer densities of an existing mask, for a new one."""

from __future__ import annotations

import glob

from pruning.counts import budget, exact_counts
from pruning.masks import MaskSet


def densities_like(masks: MaskSet, density: float | None = None) -> tuple[tuple[str, float], ...]:
    """Return `Sparsity.densities` by which each layer keeps as many weights as in `masks`, in proportion.

    For example a random mask with the layer densities of a published one:

        Sparsity("random", masks.density, densities=densities_like(masks))

    Args:
        masks: of the same network, of any origin, such as a file; a layer that is empty there keeps one weight.
        density: of the new mask; None for that of `masks`. Counts are scaled by one number, bounded by the layers'
            sizes, and add up exactly.

    Raises:
        PruningError: the density keeps fewer weights than there are layers.
    """
    sizes = {name: mask.numel() for name, mask in masks.items()}
    kept = budget(masks.density if density is None else density, sizes)
    shares = {name: float(count or 1) for name, count in masks.counts().items()}
    counts = exact_counts(shares, sizes, kept)
    return tuple((glob.escape(name), counts[name] / sizes[name]) for name in sizes)
