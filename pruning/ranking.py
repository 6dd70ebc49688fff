"""Ranking scores: the exact top k, ties decided, at least one weight in each layer."""

from __future__ import annotations

import math
from itertools import accumulate

import torch
from torch import Tensor

from pruning.bools import above, at_least, count_true, places

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


def top(scores: Tensor, count: int, ties: int, offset: int = 0, alive: Tensor | None = None) -> Tensor:
    """Return a bool mask of exactly the `count` highest scores.

    Equal scores are ranked by a pseudo-random order of all weights that depends on `ties` alone. So the top k
    is a subset of the top k + 1 whatever the scores, and ties are not kept in clumps.

    Cost: two comparisons of all scores and a selection among the few per cent between two bounds: far less
    than a sort.

    Args:
        scores: shape (n,), floating point, no NaN.
        count: number of entries to keep, from 0 to the number that are alive and not DEAD.
        ties: seed of the order of equal scores, any 64-bit integer.
        offset: index of the first entry among all weights (so that layers do not share one order).
        alive: shape (n,), bool; the others are not kept whatever their scores. None for all.
    """
    if count == 0 or count == len(scores):
        return torch.full_like(scores, count > 0, dtype=torch.bool)
    for low, high in (_bounds(scores, count, alive), _widest(scores)):
        kept, between = above(scores, high), at_least(scores, low)
        if alive is not None:
            kept &= alive
            between &= alive
        between ^= kept
        candidates, needed = places(between), count - count_true(kept)
        if 0 < needed <= len(candidates):  # else the sample was no image of the scores
            break
    values = scores[candidates]
    threshold = values.kthvalue(len(values) - needed + 1).values
    chosen, tied = candidates[values > threshold], candidates[values == threshold]
    missing = needed - len(chosen)
    if missing < len(tied):
        tied = tied[_shuffled(tied + offset, ties).topk(missing).indices]
    kept[chosen] = True
    kept[tied] = True
    return kept


def _bounds(scores: Tensor, count: int, alive: Tensor | None) -> tuple[float, float]:
    """Return two numbers between which the `count`-th highest score most probably lies, by a sample of them all."""
    least, most = _widest(scores)
    sample = scores[:: _stride(len(scores))] if len(scores) > _FEW else scores[:0]
    if alive is not None and len(sample) > 0:
        sample = sample.masked_fill(~alive[:: _stride(len(scores))], DEAD)
    sample = sample.sort(descending=True).values
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


def top_across(scores: Tensor, sizes: list[int], count: int, ties: int, alive: Tensor | None = None) -> Tensor:
    """Return a bool mask of the `count` highest scores across layers, with at least one in each layer.

    If the plain ranking leaves a layer empty, the best weight of every layer is kept first and the others fill
    the count in rank order: the least change that keeps each layer alive. A layer that the plain ranking does not
    empty has its best weight in it, so only the best of emptied layers are moved to the front, until none is.

    Args:
        scores: shape (n,), float64, no NaN: the layers' scores one after another.
        sizes: number of entries of each layer; they add up to n.
        count: number of entries to keep, from the number of layers to n.
        ties: seed of the order of equal scores.
        alive: shape (n,), bool, at least one True in each layer; the others are not kept. None for all.
    """
    alive = torch.ones_like(scores, dtype=torch.bool) if alive is None else alive.clone()
    first = _lone(alive, sizes)
    while True:
        alive[first] = False
        kept = top(scores, count - len(first), ties, 0, alive)
        kept[first] = True
        emptied = [
            layer
            for layer, left in zip(_layers(sizes), kept.split_with_sizes(sizes), strict=True)
            if not count_true(left)
        ]
        if not emptied:
            return kept
        best = [places(top(scores[layer], 1, ties, layer.start, alive[layer])) + layer.start for layer in emptied]
        first = torch.cat([first, *best])


def _lone(alive: Tensor, sizes: list[int]) -> Tensor:
    """Return the indices of entries that are the only ones alive in their layer: no ranking can remove them."""
    layers = [layer for layer in _layers(sizes) if count_true(alive[layer]) == 1]
    return torch.cat([places(alive[layer]) + layer.start for layer in layers] or [torch.tensor([], dtype=torch.int64)])


def _layers(sizes: list[int]) -> list[slice]:
    """Return each layer's entries."""
    return [slice(start, start + size) for start, size in zip(accumulate(sizes, initial=0), sizes, strict=False)]


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
