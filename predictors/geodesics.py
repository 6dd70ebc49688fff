"""Shortest ways between all pairs of nodes, and the share of them that passes each node and edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import rustworkx

Floats: TypeAlias = npt.NDArray[np.float64]

SERIAL = 2**31
"""Number of nodes from which rustworkx would use threads: never, so that sums have one order."""


@dataclass(frozen=True, slots=True)
class Geodesics:
    """`distances` (n, n) in edges, 0 where there is no way, and the normalised betweenness, in [0, 1], of the `nodes`
    (n,) and of the `edges` (m,), in no particular order.
    """

    distances: Floats
    nodes: Floats
    edges: Floats


def searched(graph: rustworkx.PyGraph[None, None] | rustworkx.PyDiGraph[None, None]) -> Geodesics:
    """Return the shortest ways of one graph, by a search from each node in rustworkx: for large graphs."""
    return Geodesics(
        rustworkx.distance_matrix(graph, parallel_threshold=SERIAL),
        np.fromiter(rustworkx.betweenness_centrality(graph, parallel_threshold=SERIAL).values(), np.float64),
        np.fromiter(rustworkx.edge_betweenness_centrality(graph, parallel_threshold=SERIAL).values(), np.float64),
    )


def multiplied(adjacency: Floats, edges: npt.NDArray[np.int64]) -> tuple[Geodesics, Geodesics]:
    """Return the shortest ways of a graph without and with its directions: for small graphs.

    Level k of the search from every node, in both, is one product of stacked matrices.

    Args:
        adjacency: (n, n), 1 from row to column.
        edges: (m, 2), the same.

    Source: Brandes 2001, Journal of Mathematical Sociology 25, with all sources side by side.
    """
    n = len(adjacency)
    steps = np.stack([adjacency + adjacency.T, adjacency])
    unseen, distances = np.broadcast_to(1.0 - np.eye(n), (2, n, n)).copy(), np.zeros((2, n, n))
    levels = [
        np.broadcast_to(np.eye(n), (2, n, n))
    ]  # levels[k][:, s, v]: shortest ways from s to v, if they have k edges
    while True:
        ways = levels[-1] @ steps
        ways *= unseen
        reached = ways > 0
        if not reached.any():
            break
        distances += len(levels) * reached
        unseen -= reached
        levels.append(ways)
    back = steps.transpose(0, 2, 1)
    passing, joining = np.zeros((2, n, n)), np.zeros((2, n, n))
    for k in range(len(levels) - 1, 0, -1):
        share = np.divide(1.0 + passing, levels[k], out=np.zeros((2, n, n)), where=levels[k] > 0)
        joining += levels[k - 1].transpose(0, 2, 1) @ share
        passing += levels[k - 1] * (share @ back)
    nodes = (passing.sum(axis=1) - passing.diagonal(axis1=1, axis2=2)) / max((n - 1) * (n - 2), 1)
    i, j = edges[:, 0], edges[:, 1]
    along = np.stack([joining[0, i, j] + joining[0, j, i], joining[1, i, j]]) / max(n * (n - 1), 1)
    return Geodesics(distances[0], nodes[0], along[0]), Geodesics(distances[1], nodes[1], along[1])
