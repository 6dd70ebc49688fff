"""Single edges that bring a union of walks to the exact count."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pruning.graph import LayerGraph
from pruning.walks.edges import Edges
from pruning.walks.reach import Units, reached, reaching

_TINY = 1e-30


def fill(graph: LayerGraph, edges: Sequence[Edges], kept: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return `kept` with single absent edges added until it holds `count`.

    1. A layer without an edge gets one: between a unit that is reached from the input and one that reaches the
       output; if there is none, from a unit that is reached; if there is none, any.
    2. The others are drawn among all layers' absent edges between a unit that is reached and one that reaches: each
       lies on a way as soon as it is added, and which edges qualify does not change. If they do not suffice, the
       rest is drawn among all absent edges.

    Each draw is without replacement, with p proportional to |w| (weights of zero last, in random order).

    Args:
        graph: the wiring.
        edges: the edges of each layer.
        kept: (weights,) bool, not changed.
        count: at least the number kept, plus one for each empty layer; at most the number of weights.
        generator: source of one uniform number for each weight of a layer that is drawn from.
    """
    kept = kept.clone()
    counted = [number for number, layer in enumerate(edges) if layer.start is not None]
    for number in counted:
        if not bool(_own(edges[number], kept).any()):
            for pool in _pools(graph, edges, kept):
                if _add(edges, {number: pool[number]}, kept, 1, generator):
                    break
    qualified, _, anywhere = _pools(graph, edges, kept)
    for pools in (qualified, anywhere):
        missing = count - int(kept.count_nonzero())
        if missing > 0:
            _add(edges, {number: pools[number] for number in counted}, kept, missing, generator)
    return kept


def alive(graph: LayerGraph, edges: Sequence[Edges], kept: Tensor) -> tuple[Units, Units]:
    """Return the units that kept edges lead to from the input, and those from which they lead to the output."""
    pairs = [_joined(layer, kept) for layer in edges]
    return reached(graph, pairs), reaching(graph, pairs)


def on_ways(graph: LayerGraph, edges: Sequence[Edges], kept: Tensor) -> list[Tensor]:
    """Return for each layer which unit pairs join a unit kept edges reach to one that reaches an output, (pairs,)."""
    return _pools(graph, edges, kept)[0]


def _joined(layer: Edges, kept: Tensor) -> Tensor:
    return layer.pairs if layer.start is None else layer.by_output(_own(layer, kept).any(1))


def _own(layer: Edges, kept: Tensor) -> Tensor:
    """Return the part of `kept` that is the layer's, (pairs, kernel); a view."""
    start = layer.start or 0
    return kept[start : start + layer.values.numel()].view(layer.values.shape)


def _pools(graph: LayerGraph, edges: Sequence[Edges], kept: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Return for each layer which unit pairs lie on a way, begin at a reached unit, are there; (pairs,) bool each."""
    before, after = alive(graph, edges, kept)
    joining = [torch.zeros(layer.values.shape[0], dtype=torch.bool) for layer in edges]
    begun = [pool.clone() for pool in joining]
    for step in graph.weighted:
        layer = edges[step.layer]
        groups, outputs, inputs = layer.sums.shape
        sources = before[step.source].view(groups, 1, inputs).expand(groups, outputs, inputs)
        begun[step.layer] |= layer.as_stored(sources)
        joining[step.layer] |= layer.as_stored(sources & after[step.out].view(groups, outputs, 1))
    return joining, begun, [torch.ones_like(pool) for pool in joining]


def _add(
    edges: Sequence[Edges], pools: dict[int, Tensor], kept: Tensor, count: int, generator: torch.Generator
) -> bool:
    """Add up to `count` absent edges of the pools to `kept`; return whether there was any.

    The highest of log(u) / |w| are those that draws one after another, without replacement and with p proportional
    to |w|, would find (Efraimidis and Spirakis, Information Processing Letters 97, 2006).
    """
    found: list[tuple[Tensor, Tensor]] = []
    for number, pool in pools.items():
        layer = edges[number]
        sizes = layer.values.abs().to(torch.promote_types(layer.values.dtype, torch.float32)).clamp_(min=_TINY)
        keys = torch.rand(sizes.shape, generator=generator, dtype=torch.float64, device="cpu").log_().div_(sizes)
        keys.masked_fill_(_own(layer, kept), -torch.inf)[~pool] = -torch.inf
        highest = keys.flatten().topk(min(count, keys.numel()))
        found.append((highest.values, highest.indices + (layer.start or 0)))
    best, order = torch.cat([keys for keys, _ in found]).sort(stable=True, descending=True)
    chosen = torch.cat([numbers for _, numbers in found])[order[best > -torch.inf][:count]]
    kept[chosen] = True
    return len(chosen) > 0
