"""The ways that lead through the directed graph, from its sources to its last layer."""

from __future__ import annotations

import numpy as np

from predictors.features.graphs.disjoint import disjoint_ways
from predictors.features.graphs.ways import source_ways
from predictors.stacks import Bools, Floats, Stack, correlation, mean_var, variation


def routes(stack: Stack) -> dict[str, Floats]:
    """Return figures of directed ways, (G,) each; a source way leads from a node without edges in to the last layer.

    - log_count: log10(1 + source ways); length_mean, length_std: edges on them, over all of them; shortest: fewest
      edges.
    - disjoint: most source ways that share no node, the least nodes that cut them all (Menger); disjoint_share: over
      the smaller of both ends.
    - live: share of nodes on a source way; live_edges: share of edges; live_sources: share of sources.
    - reach: share of pairs (i, j) among n (n - 1) / 2 with a way from i to j; distance: their mean distance.
    - in_reach_variation: std / mean over nodes of how many nodes they are reached from.
    - betweenness_mean, _var, _max: node betweenness along directed shortest ways; edge_betweenness_ likewise.
    - closeness_mean, _var: of the distances to a node, as `undirected` has it.
    - assortativity: correlation of out-degree and in-degree at the two ends of an edge.

    Cost: O(n^3 / 3) for the distances, O(n m) for the betweenness.
    Source: Menger 1927; Stier, Darji and Granitzer 2021 (arXiv 2107.12917) for the last layer as read-out.
    """
    starts, ends = stack.ends
    reach = stack.geodesics[1].distances > 0
    live = (starts | (reach & starts[:, :, None]).any(axis=1)) & (ends | (reach & ends[:, None, :]).any(axis=2))
    log_count, mean, std = source_ways(stack)
    disjoint = disjoint_ways(stack, live)
    on_live = stack.of_edges(np.asarray(live.ravel()[stack.edges].all(axis=1), dtype=np.float64)).sum(axis=1)
    return {
        "log_count": log_count,
        "length_mean": mean,
        "length_std": std,
        "shortest": _shortest(stack),
        "disjoint": disjoint,
        "disjoint_share": disjoint / np.minimum(starts.sum(axis=1), ends.sum(axis=1)),
        "live": live.sum(axis=1) / stack.nodes,
        "live_edges": on_live / np.maximum(stack.links, 1),
        "live_sources": (live & starts).sum(axis=1) / starts.sum(axis=1),
        **_distances(stack, reach),
        **_betweenness(stack),
        **_closeness(stack, reach),
        "assortativity": _assortativity(stack),
    }


def _shortest(stack: Stack) -> Floats:
    starts, ends = stack.ends
    distances = np.where(starts[:, :, None] & ends[:, None, :], stack.geodesics[1].distances, 0.0)
    least = np.where(distances > 0, distances, np.inf).min(axis=(1, 2))
    return np.where(np.isinf(least), 0.0, least)


def _distances(stack: Stack, reach: Bools) -> dict[str, Floats]:
    n, reached = stack.nodes.astype(np.float64), reach.sum(axis=1).astype(np.float64)
    pairs = reached.sum(axis=1)
    return {
        "reach": 2 * pairs / np.maximum(n * (n - 1), 1),
        "distance": stack.geodesics[1].distances.sum(axis=(1, 2)) / np.maximum(pairs, 1.0),
        "in_reach_variation": variation(reached, stack.present),
    }


def _closeness(stack: Stack, reach: Bools) -> dict[str, Floats]:
    reached, sums = reach.sum(axis=1).astype(np.float64), stack.geodesics[1].distances.sum(axis=1)
    closeness = reached * reached / np.maximum(sums, 1.0) / np.maximum(stack.nodes - 1, 1)[:, None]
    mean, var = mean_var(closeness, stack.present)
    return {"closeness_mean": mean, "closeness_var": var}


def _betweenness(stack: Stack) -> dict[str, Floats]:
    found, size, n = stack.geodesics[1], stack.size, stack.nodes.astype(np.float64)
    through = found.nodes / np.maximum((n - 1) * (n - 2), 1)[:, None]
    along = found.pairs[stack.owner, stack.edges[:, 0] % size, stack.edges[:, 1] % size] / (n * (n - 1))[stack.owner]
    mean, var = mean_var(through, stack.present)
    along_mean, along_var = mean_var(stack.of_edges(along), stack.joined)
    return {
        "betweenness_mean": mean,
        "betweenness_var": var,
        "betweenness_max": through.max(axis=1),
        "edge_betweenness_mean": along_mean,
        "edge_betweenness_var": along_var,
    }


def _assortativity(stack: Stack) -> Floats:
    out, into = stack.degrees[0].ravel()[stack.edges[:, 0]], stack.degrees[1].ravel()[stack.edges[:, 1]]
    return correlation(stack.of_edges(out), stack.of_edges(into), stack.joined)
