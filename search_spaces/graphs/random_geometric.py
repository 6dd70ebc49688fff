"""Graphs of near neighbours in the unit square."""

from __future__ import annotations

import numpy as np

from search_spaces.graphs.graph import Graph


def random_geometric(nodes: int, degree: int, rng: np.random.Generator) -> Graph:
    """Return uniform points of the unit square joined by their nodes * degree / 2 shortest distances.

    Nodes are numbered from left to right, so that edges between lower and higher numbers run across the square.

    Source: E. N. Gilbert, 1961, Random plane networks, Journal of SIAM 9.
    Differs from the paper: the radius is the one that gives exactly the asked number of edges, so that graphs of
        different generators can be compared at one size.
    """
    points = rng.random((nodes, 2))
    points = points[np.argsort(points[:, 0])]
    distances = np.square(points[:, None] - points[None]).sum(-1)
    u, v = np.triu_indices(nodes, 1)
    edges = min(nodes * degree // 2, len(u))
    nearest = np.argsort(distances[u, v], kind="stable")[:edges]
    return Graph.of(nodes, zip(u[nearest].tolist(), v[nearest].tolist(), strict=True))
