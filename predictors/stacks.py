"""Graphs side by side: what the features of many graphs are computed from, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import rustworkx

from predictors.errors import PredictorError
from predictors.geodesics import Geodesics, multiplied, searched

if TYPE_CHECKING:
    from predictors.graphs import Graph

Floats: TypeAlias = npt.NDArray[np.float64]
Edges: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

SMALL = 128
"""Nodes up to which products of small matrices are quicker than a search from each node."""

_ENTRIES = 60_000
"""Of the adjacency matrices of one stack, unless it is a single graph."""


class Stack:
    """Graphs g = 0 ... G - 1 as arrays of one shape, filled up to the most nodes n and the most edges m of any.

    Node i of graph g has number g n + i where a figure counts all nodes in one row. What several figures need is
    computed when first asked for, and kept.

    Attributes:
        graphs: the graphs, in order.
        nodes: (G,) nodes of each; links: (G,) edges of each.
        present: (G, n) whether there is such a node; joined: (G, m) whether there is such an edge.
        edges: (all edges, 2) numbers of both ends; owner, place: (all edges,) where each stands in (G, m).
    """

    def __init__(self, graphs: Sequence[Graph]) -> None:
        self.graphs = tuple(graphs)
        self.nodes = np.array([graph.nodes for graph in graphs], dtype=np.int64)
        self.links = np.array([len(graph.edges) for graph in graphs], dtype=np.int64)
        self.size = int(self.nodes.max())
        self.present: Bools = np.arange(self.size) < self.nodes[:, None]
        self.joined: Bools = np.arange(max(int(self.links.max()), 1)) < self.links[:, None]
        self.owner: Edges = np.repeat(np.arange(len(graphs)), self.links)
        self.place: Edges = np.nonzero(self.joined)[1]
        self.edges: Edges = np.concatenate([graph.edges for graph in graphs]) + (self.owner * self.size)[:, None]

    def onwards(self, values: Floats) -> Floats:
        """Return the sum over each node's predecessors of values (G, n), (G, n)."""
        tails, heads = self.edges.T
        sums: Floats = np.bincount(heads, values.ravel()[tails], self.present.size).astype(np.float64, copy=False)
        return sums.reshape(values.shape)

    @cached_property
    def layers(self) -> npt.NDArray[np.int64]:
        """Each node's layer, (G, n): 0 without predecessors, else one more than the highest of theirs; -1 if absent.

        Raises:
            PredictorError: a graph has a cycle.
        """
        layers = np.full(self.present.shape, -1, dtype=np.int64)
        left = np.where(self.present, self.degrees[1], -1.0)  # predecessors not yet placed
        free, number = left == 0, 0
        while free.any():
            layers[free] = number
            left[free] = -1.0
            left -= self.onwards(free.astype(np.float64))
            free, number = left == 0, number + 1
        cyclic = (self.present & (layers < 0)).any(axis=1)
        if cyclic.any():
            raise PredictorError(
                f"graph must be acyclic; got a cycle among {self.nodes[cyclic.argmax()]} nodes (Graph.edges). Direct "
                f"each edge from the lower to the higher node, or give an undirected graph to Graph.of."
            )
        return layers

    @cached_property
    def widths(self) -> Floats:
        """Nodes of each layer, (G, layers), 0 where a graph has fewer layers."""
        count = int(self.layers.max()) + 1
        rows = np.nonzero(self.present)[0]
        flat = np.bincount(rows * count + self.layers[self.present], minlength=len(self.nodes) * count)
        return flat.reshape(len(self.nodes), count).astype(np.float64)

    @cached_property
    def ends(self) -> tuple[Bools, Bools]:
        """Which nodes are in the first and in the last layer of their graph, (G, n) each."""
        return self.layers == 0, self.present & (self.layers == self.layers.max(axis=1, keepdims=True))

    @cached_property
    def degrees(self) -> tuple[Floats, Floats]:
        """Edges out of and into each node, (G, n) each."""
        out, into = (np.bincount(side, minlength=self.present.size).astype(np.float64) for side in self.edges.T)
        return out.reshape(self.present.shape), into.reshape(self.present.shape)

    @cached_property
    def adjacency(self) -> Floats:
        """(G, n, n): 1 in row i and column j if an edge leads from i to j, else 0."""
        matrix = np.zeros((len(self.nodes), self.size, self.size))
        matrix[self.owner, self.edges[:, 0] % self.size, self.edges[:, 1] % self.size] = 1.0
        return matrix

    @cached_property
    def symmetric(self) -> Floats:
        """(G, n, n): 1 between nodes that an edge joins in either direction, else 0."""
        return self.adjacency + self.adjacency.transpose(0, 2, 1)

    @cached_property
    def undirected(self) -> rustworkx.PyGraph[None, None]:
        """All graphs in rustworkx without directions, as one of n G nodes."""
        graph = rustworkx.PyGraph[None, None]()
        graph.add_nodes_from([None] * self.present.size)
        graph.add_edges_from_no_data(list(zip(*self.edges.T.tolist(), strict=True)))
        return graph

    @cached_property
    def geodesics(self) -> tuple[Geodesics, Geodesics]:
        """Shortest ways without and with the edges' directions."""
        if self.size <= SMALL:
            return multiplied(self.symmetric), multiplied(self.adjacency)
        directed = rustworkx.PyDiGraph[None, None]()
        directed.add_nodes_from([None] * self.size)
        directed.add_edges_from_no_data(list(zip(*self.edges.T.tolist(), strict=True)))
        return searched(self.undirected), searched(directed)

    def of_edges(self, values: Floats) -> Floats:
        """Return (G, m) of values of all edges, (all edges,); 0 where there is none."""
        found = np.zeros(self.joined.shape)
        found[self.owner, self.place] = values
        return found


def stacks(graphs: Sequence[Graph]) -> Iterator[tuple[list[int], Stack]]:
    """Yield the graphs' positions and stacks of them, from the smallest graphs to the largest, which stand alone."""
    order = sorted(range(len(graphs)), key=lambda position: graphs[position].nodes)
    chosen: list[int] = []
    for position in order:
        nodes = graphs[position].nodes
        if chosen and (nodes > SMALL or (len(chosen) + 1) * nodes**2 > _ENTRIES):
            yield chosen, Stack([graphs[i] for i in chosen])
            chosen = []
        chosen.append(position)
    if chosen:
        yield chosen, Stack([graphs[i] for i in chosen])


def mean_var(values: Floats, there: Bools) -> tuple[Floats, Floats]:
    """Return mean and population variance (..., G) of (..., G, k) values that are there; 0 where none is."""
    count = np.maximum(there.sum(axis=-1), 1)
    mean = (values * there).sum(axis=-1) / count
    centred = (values - mean[..., None]) * there
    return mean, (centred * centred).sum(axis=-1) / count


def variation(values: Floats, there: Bools) -> Floats:
    """Return the standard deviation over the mean, (G,), of (G, k) values >= 0 that are there; 0 if all are 0."""
    mean, var = mean_var(values, there)
    return np.sqrt(var) / np.where(mean > 0, mean, 1.0)


def correlation(first: Floats, second: Floats, there: Bools) -> Floats:
    """Return the correlation (G,) of two rows of (G, k) values that are there; 0 where one does not vary."""
    a, b = ((values - mean_var(values, there)[0][:, None]) * there for values in (first, second))
    norm = (a * a).sum(axis=1) * (b * b).sum(axis=1)
    varied = norm > 1e-18 * np.maximum(there.sum(axis=1), 1)
    return np.where(varied, (a * b).sum(axis=1) / np.sqrt(np.where(varied, norm, 1.0)), 0.0)
