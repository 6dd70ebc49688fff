"""How large a graph is, and how many nodes stand at its ends."""

from __future__ import annotations

import numpy as np

from predictors.stacks import Floats, Stack


def counts(stack: Stack) -> dict[str, Floats]:
    """Return sizes, (G,) each: nodes n, edges m, log10 of both, density m / (n (n - 1)), edges_per_node.

    - layers: of the longest-path layering; per_layer: n / layers.
    - sources: nodes without an edge in (layer 0); last: nodes of the last layer; sinks: nodes without an edge out.
    - unread: sinks that are not in the last layer, as a share of n: nobody reads them where only it is read out.

    Cost: microseconds. Source: Stier, Darji and Granitzer 2021 (arXiv 2107.12917).
    """
    n, m = stack.nodes.astype(np.float64), stack.links.astype(np.float64)
    sinks = (stack.present & (stack.degrees[0] == 0)).sum(axis=1).astype(np.float64)
    sources, last = (nodes.sum(axis=1).astype(np.float64) for nodes in stack.ends)
    layers = stack.layers.max(axis=1) + 1.0
    return {
        "nodes": n,
        "edges": m,
        "log_nodes": np.log10(n),
        "log_edges": np.log10(1 + m),
        "density": m / np.maximum(n * (n - 1), 1),
        "edges_per_node": m / n,
        "layers": layers,
        "per_layer": n / layers,
        "sources": sources,
        "log_sources": np.log10(sources),
        "last": last,
        "sinks": sinks,
        "unread": (sinks - last) / n,
    }
