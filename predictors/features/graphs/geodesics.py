"""Shortest ways between all pairs of nodes, and the share of them that passes each node and edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import rustworkx

from predictors.graphs import Floats, Graph

_SERIAL = 2**31
"""Number of nodes from which rustworkx would use threads: never, so that sums have one order."""

_MATRICES = 150
"""Nodes up to which a handful of products of small matrices is quicker than a search from each node."""


@dataclass(frozen=True, slots=True)
class Geodesics:
    """Of an undirected graph: `distances` (n, n) in edges, 0 where there is no way; normalised betweenness of its
    `nodes` (n,) and `edges` (m,), the edges in no particular order.
    """

    distances: Floats
    nodes: Floats
    edges: Floats


def geodesics(graph: Graph) -> Geodesics:
    """Return distances and betweenness of the undirected graph.

    Source: Brandes 2001, Journal of Mathematical Sociology 25, here with all sources side by side: level k of the
        search from every node is one product with the adjacency matrix.
    """
    if graph.nodes > _MATRICES:
        whole = graph.undirected
        distances = rustworkx.graph_distance_matrix(whole, parallel_threshold=_SERIAL)
        nodes = rustworkx.graph_betweenness_centrality(whole, parallel_threshold=_SERIAL).values()
        edges = rustworkx.graph_edge_betweenness_centrality(whole, parallel_threshold=_SERIAL).values()
        return Geodesics(distances, np.fromiter(nodes, np.float64), np.fromiter(edges, np.float64))
    return _by_matrices(graph)


def _by_matrices(graph: Graph) -> Geodesics:
    n, adjacency = graph.nodes, graph.symmetric
    unseen, distances = 1.0 - np.eye(n), np.zeros((n, n))
    levels = [np.eye(n)]  # levels[k][s, v]: number of shortest ways from s to v, where they have k edges
    while True:
        ways = levels[-1] @ adjacency
        ways *= unseen
        reached = ways > 0
        if not reached.any():
            break
        distances += len(levels) * reached
        unseen -= reached
        levels.append(ways)
    passing, joining = np.zeros((n, n)), np.zeros((n, n))
    for k in range(len(levels) - 1, 0, -1):
        share = np.divide(1.0 + passing, levels[k], out=np.zeros((n, n)), where=levels[k] > 0)
        joining += levels[k - 1].T @ share
        passing += levels[k - 1] * (share @ adjacency)
    nodes = (passing.sum(axis=0) - passing.diagonal()) / max((n - 1) * (n - 2), 1)
    i, j = graph.edges[:, 0], graph.edges[:, 1]
    return Geodesics(distances, nodes, (joining[i, j] + joining[j, i]) / max(n * (n - 1), 1))
