"""Ranking scores: the exact top k, ties decided, at least one weight in each layer."""

from __future__ import annotations

import math
from itertools import accumulate

import torch
from torch import Tensor

DEAD = -torch.inf
"""The score of a weight that must not be kept; every living weight's score is finite."""

_FEW = 1 << 18
"""Up to so many scores, all of them are selected from."""

_SAMPLE = 1 << 16
"""Number of scores that find the bounds, evenly spaced among all."""

_DEVIATIONS = 4
"""Half the distance of the bounds, in standard deviations of the sample's rank."""

_MIXING = ((30, 0xBF58476D1CE4E5B9 - 2**64), (27, 0x94D049BB133111EB - 2**64))
"""Shift and odd factor (as signed 64-bit) of each step of splitmix64's finaliser."""


def top(scores: Tensor, count: int, ties: int, offset: int = 0) -> Tensor:
    """Return a bool mask of exactly the `count` highest scores.

    Equal scores are ranked by a pseudo-random order of all weights that depends on `ties` alone. So the top k
    is a subset of the top k + 1 whatever the scores, and ties are not kept in clumps.

    Cost: three comparisons of all scores and a selection among the few per cent between two bounds: far less
    than a sort.

    Args:
        scores: shape (n,), floating point, no NaN.
        count: number of entries to keep, from 0 to the number that are not DEAD.
        ties: seed of the order of equal scores, any 64-bit integer.
        offset: index of the first entry among all weights (so that layers do not share one order).
    """
    if count == 0 or count == len(scores):
        return torch.full_like(scores, count > 0, dtype=torch.bool)
    for low, high in (_bounds(scores, count), _widest(scores)):
        kept = scores > high
        between = (scores >= low).logical_xor_(kept).nonzero().flatten()
        needed = count - int(kept.count_nonzero())
        if 0 < needed <= len(between):  # else the sample was no image of the scores
            break
    values = scores[between]
    threshold = values.kthvalue(len(values) - needed + 1).values
    above, tied = between[values > threshold], between[values == threshold]
    missing = needed - len(above)
    if missing < len(tied):
        tied = tied[_shuffled(tied + offset, ties).topk(missing).indices]
    kept[above] = True
    kept[tied] = True
    return kept


def _bounds(scores: Tensor, count: int) -> tuple[float, float]:
    """Return two numbers between which the `count`-th highest score most probably lies, by a sample of them all."""
    least, most = _widest(scores)
    sample = scores[:: _stride(len(scores))].sort(descending=True).values if len(scores) > _FEW else scores[:0]
    place = len(sample) * count / len(scores)
    margin = _DEVIATIONS * math.sqrt(place * (1 - count / len(scores))) + 1
    first, last = math.floor(place - margin), math.ceil(place + margin)
    high = float(sample[first]) if first >= 0 and len(sample) > 0 else most
    low = float(sample[last]) if last < len(sample) else least
    return max(low, least), high


def _stride(size: int) -> int:
    """Return a distance of about size / _SAMPLE that meets every place of kernels and rows: no factor 2 or 3."""
    stride = size // _SAMPLE
    while math.gcd(stride, 6) > 1:
        stride -= 1
    return stride


def _widest(scores: Tensor) -> tuple[float, float]:
    """Return bounds that hold every score but DEAD."""
    return torch.finfo(scores.dtype).min, torch.inf


def top_across(scores: Tensor, sizes: list[int], count: int, ties: int) -> Tensor:
    """Return a bool mask of the `count` highest scores across layers, with at least one in each layer.

    If the plain ranking leaves a layer empty, the best weight of every layer is kept first and the others fill
    the count in rank order: the least change that keeps each layer alive.

    Args:
        scores: shape (n,), float64, no NaN: the layers' scores one after another.
        sizes: number of entries of each layer; they add up to n.
        count: number of entries to keep, from the number of layers to n.
        ties: seed of the order of equal scores.
    """
    kept = top(scores, count, ties)
    if all(bool(layer.any()) for layer in kept.split_with_sizes(sizes)):
        return kept
    starts = accumulate(sizes, initial=0)
    best = torch.cat(
        [top(layer, 1, ties, start) for layer, start in zip(scores.split_with_sizes(sizes), starts, strict=False)]
    )
    return top(scores.masked_fill(best, torch.inf), count, ties)


def _shuffled(index: Tensor, seed: int) -> Tensor:
    """Return distinct int64 keys for distinct indices: splitmix64's finaliser, a bijection of 64-bit integers.

    Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014, figure 16.
    """
    keys = index + seed
    for shift, factor in _MIXING:
        keys = (keys ^ _shifted(keys, shift)) * factor
    return keys ^ _shifted(keys, 31)


def _shifted(keys: Tensor, shift: int) -> Tensor:
    """Return the logical right shift (torch's own keeps the sign)."""
    return (keys >> shift) & ((1 << (64 - shift)) - 1)
