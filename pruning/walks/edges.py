"""The weights of a network as edges between units, numbered in module order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from pruning.graph import LayerGraph, Use
from pruning.scoring import checked


@dataclass(frozen=True)
class Edges:
    """The entries of one weight.

    Attributes:
        name: parameter name.
        start: number of the first entry among all prunable weights; None if the weight is not prunable (it is
            walked, not counted).
        values: (first * second, kernel) on the CPU, in the order the weight is stored: unit pairs, and the kernel
            positions of each. All ones if the whole weight is zero, so that there are ways through it.
        first, second: sizes of the weight's first two axes.
        groups, transposed: as in `Use`.
    """

    name: str
    start: int | None
    values: Tensor
    first: int
    second: int
    groups: int
    transposed: bool

    @cached_property
    def sums(self) -> Tensor:
        """Sum of |w| over the kernel of each unit pair, (groups, outputs / groups, inputs / groups) float64."""
        return self.by_output(torch.linalg.vector_norm(self.values, ord=1, dim=1, dtype=torch.float64))

    @cached_property
    def pairs(self) -> Tensor:
        """Which units a non-zero weight joins, (groups, outputs / groups, inputs / groups) bool."""
        return self.sums > 0

    @property
    def kernel(self) -> int:
        """Number of entries that join one pair of units."""
        return self.values.shape[1]

    def by_output(self, pairs: Tensor) -> Tensor:
        """Return a tensor over stored pairs, (first * second,), as (groups, outputs / groups, inputs / groups)."""
        grouped = pairs.view(self.groups, self.first // self.groups, self.second)
        return grouped.transpose(1, 2) if self.transposed else grouped

    def as_stored(self, pairs: Tensor) -> Tensor:
        """Return the inverse of `by_output`."""
        return (pairs.transpose(1, 2) if self.transposed else pairs).reshape(self.first * self.second)


def edges_of(graph: LayerGraph, weights: Mapping[str, nn.Parameter]) -> tuple[Edges, ...]:
    """Return the edges of each layer of the graph, numbered in the order of `weights`, the prunable parameters.

    Raises:
        PruningError: a weight is not finite.
    """
    starts, total = {}, 0
    for name, weight in weights.items():
        starts[name], total = total, total + weight.numel()
    return tuple(_edges(name, use, weights.get(name), starts.get(name)) for name, use in graph.uses.items())


def _edges(name: str, use: Use, parameter: nn.Parameter | None, start: int | None) -> Edges:
    given = use.weight if parameter is None else parameter
    values = (torch.ones(given.shape) if given.is_meta else given.detach().to("cpu")).contiguous()
    first, second = given.shape[:2]
    flat = values.view(first * second, math.prod(given.shape[2:]))
    edges = Edges(name, start, flat, first, second, use.groups, use.transposed)
    if not bool(edges.sums.sum().isfinite()):
        checked({name: values.double().abs()}, {name: values.shape})
    if not bool(edges.pairs.any()):
        return Edges(name, start, torch.ones_like(flat), first, second, use.groups, use.transposed)
    return edges
