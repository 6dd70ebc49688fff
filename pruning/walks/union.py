"""The union of walks, one after another, until it holds as many weights as asked: found for whole blocks at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pruning.walks.walker import Walker


@dataclass
class Union:
    """The weights that walks passed.

    Attributes:
        kept: (weights,) bool.
        walks: number of walks.
        count: number of kept weights.
    """

    kept: Tensor
    walks: int = 0
    count: int = 0


def union_of_walks(
    walker: Walker, kept: int, total: int, limit: int, generator: torch.Generator, block: int = 8192
) -> Union:
    """Return the union of the first n walks, for the largest n <= limit that leaves room.

    Room: the union, and one weight for each layer that no walk has entered yet, are at most `kept` weights. Both
    together never fall from one walk to the next, so n is where a walker would stop that goes one walk after
    another, whatever the size of the blocks.

    Args:
        walker: the walks.
        kept: number of weights to keep.
        total: number of prunable weights.
        limit: largest number of walks.
        generator: source of the uniform numbers, one row for each walk.
        block: largest number of walks made at once; the result does not depend on it.
    """
    union = Union(torch.zeros(total, dtype=torch.bool))
    applications = _by_layer(walker)
    empty = set(applications)
    size = min(block, 64)
    while union.walks < limit:
        size = min(size, limit - union.walks)
        uniforms = torch.rand(size, walker.columns, generator=generator, dtype=torch.float64, device="cpu")
        walks = walker.walk(union.walks, uniforms)
        fresh = _first_met(walks, union.kept)
        entered = _entered(walks, [applications[layer] for layer in sorted(empty)])
        needed = union.count + len(empty) + (fresh - entered).cumsum(0)
        fits = int((needed <= kept).sum())
        taken = walks[:fits]
        union.kept[taken[taken >= 0]] = True
        union.walks += fits
        union.count += int(fresh[:fits].sum())
        empty -= {layer for layer in empty if bool((taken[:, applications[layer]] >= 0).any())}
        if fits < size:
            break
        gain = max(float(fresh.sum()) / size, 1e-3)
        size = max(1, min(block, round(1.05 * (kept - union.count) / gain) + 16))
    return union


def _by_layer(walker: Walker) -> dict[int, list[int]]:
    """Return for each prunable layer the applications of its weight."""
    found: dict[int, list[int]] = {}
    for application, layer in enumerate(walker.layers):
        if walker.counts(layer):
            found.setdefault(layer, []).append(application)
    return found


def _first_met(walks: Tensor, kept: Tensor) -> Tensor:
    """Return for each walk the number of its edges that neither `kept` nor an earlier walk holds, (walks,)."""
    flat = walks.flatten()
    places = (flat >= 0).nonzero().flatten()
    places = places[~kept[flat[places]]]
    edges, order = flat[places].sort(stable=True)
    first = torch.ones(len(edges), dtype=torch.bool)
    first[1:] = edges[1:] != edges[:-1]
    return torch.bincount(places[order[first]] // walks.shape[1], minlength=len(walks))


def _entered(walks: Tensor, layers: Sequence[list[int]]) -> Tensor:
    """Return for each walk the number of these layers that it is the first to enter, (walks,)."""
    counts = torch.zeros(len(walks), dtype=torch.int64)
    for applications in layers:
        passed = (walks[:, applications] >= 0).any(1)
        if bool(passed.any()):
            counts[int(passed.to(torch.uint8).argmax())] += 1
    return counts
