"""How large a graph is, and how many nodes stand at its ends."""

from __future__ import annotations

import math

import numpy as np

from predictors.graphs import Graph


def counts(graph: Graph) -> dict[str, float]:
    """Return sizes: nodes n, edges m, log10 of both, density m / (n (n - 1)), edges_per_node.

    - layers: of the longest-path layering; per_layer: n / layers.
    - sources: nodes without an edge in (layer 0); last: nodes of the last layer; sinks: nodes without an edge out.
    - unread: sinks that are not in the last layer, as a share of n: nobody reads them where only it is read out.

    Cost: microseconds. Source: Stier, Darji and Granitzer 2021 (arXiv 2107.12917).
    """
    n, m = graph.nodes, len(graph.edges)
    sinks = np.bincount(graph.edges[:, 0], minlength=n) == 0
    widths = graph.widths
    unread = np.count_nonzero(sinks) - int(widths[-1])
    return {
        "nodes": float(n),
        "edges": float(m),
        "log_nodes": math.log10(n),
        "log_edges": math.log10(1 + m),
        "density": m / max(n * (n - 1), 1),
        "edges_per_node": m / n,
        "layers": float(len(widths)),
        "per_layer": n / len(widths),
        "sources": float(widths[0]),
        "log_sources": math.log10(widths[0]),
        "last": float(widths[-1]),
        "sinks": float(np.count_nonzero(sinks)),
        "unread": unread / n,
    }
