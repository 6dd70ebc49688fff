"""Size-matched twins: the same nodes, edges and degrees, everything else random."""

from __future__ import annotations

import numpy as np

from search_spaces.graphs.graph import Graph

_SWAPS_PER_EDGE = 10


def twin(graph: Graph, rng: np.random.Generator) -> Graph:
    """Return the graph after 10 tried swaps an edge: (a, b), (c, d) become (a, d), (c, b), unless one is there already.

    Every node keeps its degree. What the twin has in common with the graph is size and degrees alone, so a
    difference between the two is due to how the edges are arranged.

    Source: S. Maslov and K. Sneppen, 2002, Specificity and stability in topology of protein networks, Science 296;
        ten swaps an edge: R. Milo et al., 2003, arXiv cond-mat/0312028.
    """
    edges = [list(edge) for edge in graph.edges]
    present = set(graph.edges)
    for _ in range(_SWAPS_PER_EDGE * len(edges)):
        i, j = (int(x) for x in rng.integers(len(edges), size=2))
        (a, b), (c, d) = edges[i], edges[j]
        if rng.random() < 0.5:
            c, d = d, c
        new = _ordered(a, d), _ordered(c, b)
        if len({a, b, c, d}) < 4 or new[0] in present or new[1] in present:
            continue
        present -= {_ordered(a, b), _ordered(c, d)}
        present |= set(new)
        edges[i], edges[j] = list(new[0]), list(new[1])
    return Graph.of(graph.nodes, present)


def _ordered(u: int, v: int) -> tuple[int, int]:
    return (u, v) if u < v else (v, u)
