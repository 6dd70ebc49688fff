"""A directed acyclic graph as the structure of a network: what its features are computed from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import rustworkx

from predictors.errors import PredictorError
from predictors.geodesics import Geodesics, multiplied, searched

Floats: TypeAlias = npt.NDArray[np.float64]
Edges: TypeAlias = npt.NDArray[np.int64]

_SMALL = 128
"""Nodes up to which a handful of products of small matrices is quicker than a search from each node."""


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes 0 to `nodes` - 1 and directed edges without cycles, each edge once.

    What several figures need is computed when first asked for, and kept.

    Args:
        nodes: number of nodes, at least 1.
        edges: (edges, 2) integers, from and to.

    Raises:
        PredictorError: there is no node, an edge names a node that is not there, joins a node to itself or stands
            twice, or the edges form a cycle.
    """

    nodes: int
    edges: Edges

    def __post_init__(self) -> None:
        try:
            edges = np.asarray(self.edges, dtype=np.int64).reshape(-1, 2)
        except (TypeError, ValueError):
            raise PredictorError(
                "edges must be pairs of node numbers; got something else (Graph.edges). Give one pair an edge."
            ) from None
        object.__setattr__(self, "edges", edges)
        _check(self.nodes, edges)

    @cached_property
    def directed(self) -> rustworkx.PyDiGraph[None, None]:
        """The graph in rustworkx, edge directions kept."""
        graph = rustworkx.PyDiGraph[None, None](multigraph=False)
        graph.add_nodes_from([None] * self.nodes)
        graph.extend_from_edge_list(self._pairs)
        return graph

    @cached_property
    def undirected(self) -> rustworkx.PyGraph[None, None]:
        """The graph in rustworkx without directions."""
        graph = rustworkx.PyGraph[None, None](multigraph=False)
        graph.add_nodes_from([None] * self.nodes)
        graph.extend_from_edge_list(self._pairs)
        return graph

    @cached_property
    def layers(self) -> npt.NDArray[np.int64]:
        """Each node's layer, (nodes,): 0 without predecessors, else one more than the highest of theirs."""
        layers = np.zeros(self.nodes, dtype=np.int64)
        left = np.bincount(self.edges[:, 1], minlength=self.nodes).astype(np.float64)  # predecessors not yet placed
        free, placed, number = left == 0, 0, 0
        while free.any():
            layers[free] = number
            placed, number = placed + int(np.count_nonzero(free)), number + 1
            left[free] = -1.0
            left -= free @ self.adjacency
            free = left == 0
        if placed < self.nodes:
            raise PredictorError(
                f"graph must be acyclic; got a cycle among {self.nodes} nodes (Graph.edges). Direct each edge from "
                f"the lower to the higher node, or give an undirected graph to Graph.of."
            )
        return layers

    @cached_property
    def geodesics(self) -> tuple[Geodesics, Geodesics]:
        """Shortest ways without and with the edges' directions."""
        if self.nodes <= _SMALL:
            return multiplied(self.adjacency, self.edges)
        return searched(self.undirected), searched(self.directed)

    @cached_property
    def symmetric(self) -> Floats:
        """(nodes, nodes): 1 between nodes that an edge joins in either direction, else 0."""
        return self.adjacency + self.adjacency.T

    @cached_property
    def adjacency(self) -> Floats:
        """(nodes, nodes): 1 in row i and column j if an edge leads from i to j, else 0."""
        matrix = np.zeros((self.nodes, self.nodes))
        matrix[self.edges[:, 0], self.edges[:, 1]] = 1.0
        return matrix

    @cached_property
    def widths(self) -> npt.NDArray[np.int64]:
        """Number of nodes of each layer, (layers,)."""
        return np.bincount(self.layers)

    @classmethod
    def of(cls, graph: Any) -> Graph:
        """Return the graph of a networkx or rustworkx graph; undirected edges run from the earlier to the later node.

        Raises:
            PredictorError: it is neither, or has a cycle, a loop or a double edge.
        """
        if isinstance(graph, Graph):
            return graph
        if isinstance(graph, (rustworkx.PyGraph, rustworkx.PyDiGraph)):
            is_directed = isinstance(graph, rustworkx.PyDiGraph)
            return cls._numbered(graph.node_indices(), graph.edge_list(), is_directed)
        if all(hasattr(graph, name) for name in ("nodes", "edges", "is_directed")):
            return cls._numbered(graph.nodes, ((edge[0], edge[1]) for edge in graph.edges), graph.is_directed())
        raise PredictorError(
            f"graph must be a Graph, a networkx or a rustworkx graph; got {type(graph).__name__}. "
            f"Give Graph(nodes, edges)."
        )

    @classmethod
    def _numbered(cls, nodes: Iterable[Any], edges: Iterable[tuple[Any, Any]], is_directed: bool) -> Graph:
        numbers = {node: number for number, node in enumerate(nodes)}
        pairs = np.array([(numbers[a], numbers[b]) for a, b in edges], dtype=np.int64).reshape(-1, 2)
        return cls(len(numbers), pairs if is_directed else np.sort(pairs, axis=1))

    @property
    def _pairs(self) -> Sequence[tuple[int, int]]:
        return list(map(tuple, self.edges.tolist()))


def read_graph(record: Mapping[str, Any]) -> Graph:
    """Return the graph of {"nodes": [...], "edges": [[from, to], ...]}, as JSON lines hold it.

    Raises:
        PredictorError: a key is missing, or the graph breaks a rule of `Graph`.
    """
    try:
        nodes, edges = record["nodes"], record["edges"]
        return Graph._numbered(nodes, ((a, b) for a, b in edges), is_directed=True)
    except (KeyError, TypeError, ValueError) as error:
        raise PredictorError(
            f"a graph's record must have nodes, and edges that are pairs of them; got {type(error).__name__} {error}. "
            f'Write {{"nodes": [0, 1], "edges": [[0, 1]]}}.'
        ) from None


def _check(nodes: int, edges: Edges) -> None:
    if nodes < 1:
        raise PredictorError(f"graph must have at least one node; got {nodes} (Graph.nodes). Give the network's graph.")
    if not len(edges):
        return
    if edges.min() < 0 or edges.max() >= nodes:
        raise PredictorError(
            f"edges must join nodes 0 to {nodes - 1}; got {edges.min()} to {edges.max()} (Graph.edges). Number the "
            f"nodes from 0."
        )
    tails, heads = edges[:, 0], edges[:, 1]
    if (tails == heads).any():
        row = int((tails == heads).argmax())
        raise PredictorError(
            f"an edge must join two nodes; got {tails[row]} twice (row {row} of Graph.edges). Leave it out."
        )
    again = len(edges) - len(set((tails * nodes + heads).tolist()))
    if again:
        raise PredictorError(f"each edge must stand once; got {again} again (Graph.edges). Drop repetitions.")
