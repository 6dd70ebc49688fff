"""Exact integer counts: how many weights each layer keeps, adding up to the requested total."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pruning.errors import PruningError

_DECIMALS = 6
"""Ideal counts are rounded to this many decimals, so that a tie is a tie whatever units the shares are in."""


def budget(density: float, sizes: Mapping[str, int], *, allow_empty: bool = False) -> int:
    """Return round(density * total): the number of weights to keep (a half goes to the even neighbour).

    Raises:
        PruningError: that is less than one weight in each layer, or, if layers may be empty, none at all.
    """
    total, least = sum(sizes.values()), 1 if allow_empty else len(sizes)
    kept = round(density * total)
    if kept < least:
        rule = "one weight" if allow_empty else f"one weight in each of {least} layers"
        raise PruningError(
            f"density must keep at least {rule}; got {density:g}, which keeps "
            f"{kept} of {total} (sparsity.density). Use at least {least / total:.6g}."
        )
    return kept


def exact_counts(shares: Mapping[str, float], sizes: Mapping[str, int], total: int) -> dict[str, int]:
    """Return whole counts proportional to the shares, each in [1, size], that add up to `total` exactly.

    The ideal counts are x_l = min(max(level * share_l, 1), size_l) with the one level at which they add up to
    the total: what a full layer cannot take flows on to the others in proportion, and nothing is lost as it is
    when densities above 1 are merely clamped. They are rounded by largest remainder, so that no count is a
    whole unit away from its ideal; of equal remainders the earlier layer's goes up.

    Args:
        shares: layer -> relative count, > 0; multiplying all of them by one number changes nothing.
        sizes: layer -> number of weights, >= 1.
        total: the sum of the result, from the number of layers to the number of weights.

    Raises:
        PruningError: no counts in [1, size] add up to the total.

    Source: Evci et al., ICML 2020, arXiv 1911.11134, section 3 (the redistribution of ERK, which this is with
    shares = sum of the weight's shape); Hamilton's method for the rounding.
    Differs from the paper: solved in one sweep over the levels at which a layer fills, instead of by repetition;
    at least one weight in each layer; rounded to the exact total instead of layer by layer.
    """
    if not len(sizes) <= total <= sum(sizes.values()):
        raise PruningError(
            f"the number of kept weights must be in {len(sizes)}..{sum(sizes.values())} (one weight in each layer "
            f".. all); got {total}. Change the density."
        )
    level = _level(shares, sizes, total)
    ideal = {name: round(min(max(level * shares[name], 1.0), float(size)), _DECIMALS) for name, size in sizes.items()}
    counts = {name: math.floor(value) for name, value in ideal.items()}
    room = [name for name in sizes if counts[name] < sizes[name]]
    room.sort(key=lambda name: round(counts[name] - ideal[name], _DECIMALS))
    for name in room[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def _level(shares: Mapping[str, float], sizes: Mapping[str, int], total: int) -> float:
    """Return the level with sum_l min(max(level * share_l, 1), size_l) = total.

    The sum grows with the level in straight pieces. A layer leaves its floor of 1 at level 1 / share and is full
    at size / share; the sweep visits these levels in order and stops in the piece that reaches the total.
    """
    events = sorted(
        (level, name, full)
        for name, size in sizes.items()
        for level, full in ((1 / shares[name], False), (size / shares[name], True))
    )
    growing: set[str] = set()
    fixed = len(sizes)  # weights in the layers that do not grow: at their floor, or full
    previous = 0.0
    for level, name, full in events:
        slope = math.fsum(shares[grown] for grown in growing)
        if fixed + level * slope >= total:
            return (total - fixed) / slope if slope > 0 else previous
        if full:
            growing.discard(name)
            fixed += sizes[name]
        else:
            growing.add(name)
            fixed -= 1
        previous = level
    return previous
