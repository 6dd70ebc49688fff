"""Ranking scores: the exact top k, ties decided, at least one weight in each layer."""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor

DEAD = -torch.inf
"""The score of a weight that must not be kept; every living weight's score is finite."""

_MIXING = ((30, 0xBF58476D1CE4E5B9 - 2**64), (27, 0x94D049BB133111EB - 2**64))
"""Shift and odd factor (as signed 64-bit) of each step of splitmix64's finaliser."""


def top(scores: Tensor, count: int, ties: int, offset: int = 0) -> Tensor:
    """Return a bool mask of exactly the `count` highest scores.

    Equal scores are ranked by a pseudo-random order of all weights that depends on `ties` alone. So the top k
    is a subset of the top k + 1 whatever the scores, and ties are not kept in clumps.

    Args:
        scores: shape (n,), float64, no NaN.
        count: number of entries to keep, from 0 to the number that are not DEAD.
        ties: seed of the order of equal scores, any 64-bit integer.
        offset: index of the first entry among all weights (so that layers do not share one order).
    """
    if count == 0 or count == len(scores):
        return torch.full_like(scores, count > 0, dtype=torch.bool)
    living = scores[scores > DEAD]  # late rounds rank few of many
    threshold = living.kthvalue(len(living) - count + 1).values
    kept = scores > threshold
    tied = (scores == threshold).nonzero().flatten()
    missing = count - int(kept.count_nonzero())
    if missing < len(tied):
        tied = tied[_shuffled(tied + offset, ties).topk(missing).indices]
    kept[tied] = True
    return kept


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
