"""Graphs grown by preferential attachment."""

from __future__ import annotations

import numpy as np
import rustworkx

from search_spaces.graphs.graph import Graph


def barabasi_albert(nodes: int, degree: int, rng: np.random.Generator) -> Graph:
    """Return a graph in which each new node joins m = degree / 2 (at least 1) others in proportion to their degree.

    It starts from m nodes without edges, as networkx did when the published graphs were made, so those are the
    sources when edges run from older to newer.

    Source: A.-L. Barabási and R. Albert, 1999, Emergence of scaling in random networks, Science 286.
    """
    joined = max(1, min(degree // 2, nodes - 1))
    start = rustworkx.PyGraph()
    start.add_nodes_from(range(joined + 1))
    start.add_edges_from_no_data([(node, joined) for node in range(joined)])
    made = rustworkx.barabasi_albert_graph(nodes, joined, seed=int(rng.integers(2**63)), initial_graph=start)
    return Graph.of(nodes, made.edge_list())
