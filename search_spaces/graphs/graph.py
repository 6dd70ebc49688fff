"""An undirected graph as a value: what the graph-structured networks are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from search_spaces.errors import SpaceError


@dataclass(frozen=True, slots=False)
class Graph:
    """`nodes` numbered from 0 and `edges` (u, v) with u < v, sorted, each once. Hashable.

    Raises:
        SpaceError: there is no node, or an edge is a loop, doubled, out of order or out of range.
    """

    nodes: int
    edges: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if self.nodes < 1:
            raise SpaceError(
                f"a graph must have at least 1 node; got {self.nodes} (Graph.nodes). Give a positive number."
            )
        for before, (u, v) in zip((None, *self.edges), self.edges, strict=False):
            if not 0 <= u < v < self.nodes or (before is not None and before >= (u, v)):
                raise SpaceError(
                    f"edges must be sorted pairs u < v below {self.nodes}, each once; got {(u, v)} (Graph.edges). "
                    f"Make graphs by Graph.of."
                )

    @classmethod
    def of(cls, nodes: int, pairs: Iterable[tuple[int, int]]) -> Graph:
        """Return the graph with these edges, in whatever order and direction they are given; loops are left out."""
        return cls(nodes, tuple(sorted({(min(p), max(p)) for p in pairs if p[0] != p[1]})))

    @cached_property
    def adjacency(self) -> npt.NDArray[np.bool_]:
        """Symmetric matrix (nodes, nodes), the diagonal False."""
        matrix = np.zeros((self.nodes, self.nodes), dtype=np.bool_)
        for u, v in self.edges:
            matrix[u, v] = matrix[v, u] = True
        return matrix

    @cached_property
    def degrees(self) -> npt.NDArray[np.int64]:
        """Neighbours of each node, (nodes,)."""
        return np.asarray(self.adjacency.sum(0), dtype=np.int64)

    @cached_property
    def layers(self) -> tuple[int, ...]:
        """Layer of each node when every edge runs from the lower to the higher number: 1 + its highest predecessor's.

        Source: J. Stier and M. Granitzer, 2019, Structural Analysis of Sparse Neural Networks, Procedia Computer
        Science 159 (longest-path layering of the ordered graph).
        """
        layer = [0] * self.nodes
        for u, v in self.edges:  # sorted by u: a node's layer is settled before it is a source
            layer[v] = max(layer[v], layer[u] + 1)
        return tuple(layer)

    @cached_property
    def sources(self) -> tuple[int, ...]:
        """Nodes without a lower-numbered neighbour (one at least in every component)."""
        return tuple(sorted(set(range(self.nodes)) - {v for _, v in self.edges}))

    @cached_property
    def sinks(self) -> tuple[int, ...]:
        """Nodes without a higher-numbered neighbour."""
        return tuple(sorted(set(range(self.nodes)) - {u for u, _ in self.edges}))
