"""Rings with shortcuts: from the lattice to the random graph."""

from __future__ import annotations

import numpy as np

from search_spaces.errors import SpaceError
from search_spaces.graphs.graph import Graph


def watts_strogatz(nodes: int, degree: int, rng: np.random.Generator, *, rewiring: float = 0.75) -> Graph:
    """Return a ring in which each node has its `degree` nearest neighbours, each edge then rewired with a probability.

    An edge (u, v) is rewired to (u, w), w uniform over the nodes that u is not joined to; the number of edges,
    nodes * k / 2 with k = degree rounded down to an even number (at least 2), stays.

    Raises:
        SpaceError: the probability is not in [0, 1], or the ring has no room for the degree.

    Source: D. J. Watts and S. H. Strogatz, 1998, Collective dynamics of small-world networks, Nature 393. At
        probability 1, as in the published study, nothing of the ring is left.
    """
    k = max(2, degree - degree % 2)
    if not 0.0 <= rewiring <= 1.0:
        raise SpaceError(f"rewiring probability must be in [0, 1]; got {rewiring} (watts_strogatz). Use 0.75.")
    if k >= nodes:
        raise SpaceError(f"a ring must have more nodes than the degree {k}; got {nodes} (watts_strogatz). Add nodes.")
    neighbours: list[set[int]] = [set() for _ in range(nodes)]
    for step in range(1, k // 2 + 1):
        for u in range(nodes):
            _join(neighbours, u, (u + step) % nodes)
    for step in range(1, k // 2 + 1):
        for u in range(nodes):
            v = (u + step) % nodes
            if v in neighbours[u] and rng.random() < rewiring:
                free = sorted(set(range(nodes)) - neighbours[u] - {u})
                if free:
                    neighbours[u].discard(v)
                    neighbours[v].discard(u)
                    _join(neighbours, u, free[int(rng.integers(len(free)))])
    return Graph.of(nodes, ((u, v) for u in range(nodes) for v in neighbours[u]))


def _join(neighbours: list[set[int]], u: int, v: int) -> None:
    neighbours[u].add(v)
    neighbours[v].add(u)
