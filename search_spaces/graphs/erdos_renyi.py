"""Random graphs with a given number of edges."""

from __future__ import annotations

import numpy as np
import rustworkx

from search_spaces.graphs.graph import Graph


def erdos_renyi(nodes: int, degree: int, rng: np.random.Generator) -> Graph:
    """Return a graph uniform over all with `nodes` nodes and nodes * degree / 2 edges (rounded down).

    Source: P. Erdős and A. Rényi, 1959, On random graphs I, Publicationes Mathematicae 6 (the model G(n, m)).
    """
    edges = min(nodes * degree // 2, nodes * (nodes - 1) // 2)
    made = rustworkx.undirected_gnm_random_graph(nodes, edges, seed=int(rng.integers(2**63)))
    return Graph.of(nodes, made.edge_list())
