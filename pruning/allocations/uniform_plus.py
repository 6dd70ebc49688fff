"""The same density in every layer, with a dense first layer and a last layer that is not starved."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Size

from pruning.counts import exact_counts
from pruning.errors import PruningError


def uniform_plus(shapes: Mapping[str, Size], density: float) -> dict[str, float]:
    """Return exact counts: the first layer dense, the last at 0.2 or more, all others at one density.

    Where the others' density is above 0.2 the last layer has it too. First and last are so in the order of the
    shapes, among the layers that are pruned. The others keep at least one weight each.

    Args:
        shapes: layer -> shape of its weight, from the first layer to the last.
        density: kept fraction of all weights, in (0, 1].

    Raises:
        PruningError: the first and the last layer alone, with a weight in each other, exceed the total.

    Source: Gale, Elsen and Hooker, The state of sparsity in deep neural networks, 2019, arXiv 1902.09574 (dense
    first layer, last at most 80 % sparse); Liu et al., ICLR 2022, arXiv 2202.02643 (the name).
    Differs from the published code: first and last layer are paid for by the others, so that the total is met.
    """
    sizes = {name: shape.numel() for name, shape in shapes.items()}
    first, *others = sizes
    kept = round(density * sum(sizes.values())) - sizes[first]
    least = math.ceil(sizes[others[-1]] / 5) if others else 0
    if kept < least + max(0, len(others) - 1):
        raise PruningError(
            f"the allocation 'uniform_plus' must keep the first layer dense, a fifth of the last and a weight of each "
            f"other; got density {density:g} (sparsity.density). "
            f"Use at least {(sizes[first] + least + max(0, len(others) - 1)) / sum(sizes.values()):.6g}."
        )
    counts = _uniform(sizes, others, kept)
    if others and counts[others[-1]] < least:
        counts = {**_uniform(sizes, others[:-1], kept - least), others[-1]: least}
    return {first: float(sizes[first]), **{name: float(counts[name]) for name in others}}


def _uniform(sizes: Mapping[str, int], names: list[str], kept: int) -> dict[str, int]:
    """Return exact counts of the named layers, at one density."""
    chosen = {name: sizes[name] for name in names}
    return exact_counts({name: float(size) for name, size in chosen.items()}, chosen, kept) if chosen else {}
