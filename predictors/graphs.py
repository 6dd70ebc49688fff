"""A directed acyclic graph as the structure of a network: what its features are computed from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import rustworkx

from predictors.errors import PredictorError
from predictors.stacks import Edges, Stack


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes 0 to `nodes` - 1 and directed edges without cycles, each edge once.

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

    @property
    def layers(self) -> npt.NDArray[np.int64]:
        """Each node's layer, (nodes,): 0 without predecessors, else one more than the highest of theirs."""
        layers: npt.NDArray[np.int64] = Stack([self]).layers[0]
        return layers

    @classmethod
    def of(cls, graph: Any) -> Graph:
        """Return the graph of a networkx or rustworkx graph; undirected edges run from the earlier to the later node.

        Also of anything with a number of `nodes` and pairs as `edges`, such as the graphs of search_spaces.

        Raises:
            PredictorError: it is neither, or has a cycle, a loop or a double edge.
        """
        if isinstance(graph, Graph):
            return graph
        if isinstance(getattr(graph, "nodes", None), int) and hasattr(graph, "edges"):
            return cls(graph.nodes, graph.edges)
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


def read_graph(record: Mapping[str, Any]) -> Graph:
    """Return the graph of {"nodes": [...], "edges": [[from, to], ...]}, as JSON lines hold it.

    Raises:
        PredictorError: a key is missing, or the graph breaks a rule of `Graph`.
    """
    try:
        nodes, edges = list(record["nodes"]), record["edges"]
        if len(set(nodes)) < len(nodes):
            raise ValueError("a node twice")
        return Graph._numbered(nodes, ((a, b) for a, b in edges), is_directed=True)
    except PredictorError:
        raise
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
