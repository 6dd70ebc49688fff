"""The ways that lead through the directed graph, from its sources to its last layer."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
from scipy.linalg.lapack import dtrtri
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from predictors.features.graphs.undirected import correlation
from predictors.graphs import Floats, Graph

_EXACT = 900
"""Nodes up to which the number of ways (at most 2^(n - 2)) and its moments fit into float64."""

_RANKED = 64
"""Nodes up to which disjoint ways are first looked for as a rank."""

_IRRATIONAL = (5**0.5 - 1) / 2


def routes(graph: Graph) -> dict[str, float]:
    """Return figures of directed ways; a source way leads from a node without edges in to a node of the last layer.

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

    Cost: O(n^3 / 3) for the ways, O(n m) for the betweenness; 0.4 ms for 40 nodes.
    Source: Menger 1927; Stier, Darji and Granitzer 2021 (arXiv 2107.12917) for the last layer as read-out.
    """
    n, layers = graph.nodes, graph.layers
    starts, ends = layers == 0, layers == layers.max()
    found = graph.geodesics[1]
    distances, through, along = found.distances, found.nodes, found.edges
    reach = distances > 0
    from_start = reach[starts].any(axis=0) | starts
    to_end = reach[:, ends].any(axis=1) | ends
    live = from_start & to_end
    a, b = graph.edges[:, 0], graph.edges[:, 1]
    log_count, mean, std = _ways(graph, starts, ends)
    between = distances[np.ix_(starts, ends)]
    reached, sums = reach.sum(axis=0).astype(np.float64), distances.sum(axis=0)
    closeness = np.where(sums > 0, reached * reached / np.maximum(sums, 1.0), 0.0) / max(n - 1, 1)
    disjoint = _disjoint(graph, starts, ends)
    degrees = np.bincount(a, minlength=n).astype(np.float64), np.bincount(b, minlength=n).astype(np.float64)
    return {
        "log_count": log_count,
        "length_mean": mean,
        "length_std": std,
        "shortest": float(between[between > 0].min()) if (between > 0).any() else 0.0,
        "disjoint": float(disjoint),
        "disjoint_share": disjoint / min(np.count_nonzero(starts), np.count_nonzero(ends)),
        "live": np.count_nonzero(live) / n,
        "live_edges": np.count_nonzero(live[a] & live[b]) / max(len(a), 1),
        "live_sources": np.count_nonzero(live & starts) / np.count_nonzero(starts),
        "reach": 2 * float(reached.sum()) / max(n * (n - 1), 1),
        "distance": float(sums.sum()) / max(float(reached.sum()), 1.0),
        "in_reach_variation": float(reached.std() / reached.mean()) if reached.any() else 0.0,
        "betweenness_mean": float(through.mean()),
        "betweenness_var": float(through.var()),
        "betweenness_max": float(through.max()),
        "edge_betweenness_mean": float(along.mean()) if len(along) else 0.0,
        "edge_betweenness_var": float(along.var()) if len(along) else 0.0,
        "closeness_mean": float(closeness.mean()),
        "closeness_var": float(closeness.var()),
        "assortativity": correlation(np.column_stack([degrees[0][a], degrees[1][b]])),
    }


def _ways(graph: Graph, starts: npt.NDArray[np.bool_], ends: npt.NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return log10(1 + ways), and mean and standard deviation of their edges.

    In an order in which edges lead onwards, I - A is triangular and N = (I - A)^-1 counts the ways between all pairs,
    by sums of positive numbers only. With s and t the ends, f = s N and b = N t: count f t, total length f A b, and
    twice f A N A b the total of length (length - 1).
    """
    if graph.nodes > _EXACT:
        return _ways_in_logarithms(graph, starts, ends)
    order = np.argsort(graph.layers, kind="stable")
    a = graph.adjacency[np.ix_(order, order)]
    ways, _ = dtrtri(np.eye(graph.nodes) - a, unitdiag=1)
    np.fill_diagonal(ways, 1.0)
    f, b = ways[starts[order]].sum(axis=0), ways[:, ends[order]].sum(axis=1)
    count = float(f[ends[order]].sum())
    if count <= 0:
        return 0.0, 0.0, 0.0
    fa, ab = f @ a, a @ b
    mean, paired = float(fa @ b) / count, 2 * float(fa @ ways @ ab) / count
    return math.log10(1 + count), mean, max(paired + mean - mean * mean, 0.0) ** 0.5


def _ways_in_logarithms(
    graph: Graph, starts: npt.NDArray[np.bool_], ends: npt.NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Return the same for any size: sums of 1, length and length^2 over ways to each node, layer by layer, as logs."""
    layers = graph.layers
    sums = np.full((3, graph.nodes), -np.inf)
    sums[0, starts] = 0.0
    edges = graph.edges[np.lexsort((graph.edges[:, 1], layers[graph.edges[:, 1]]))]
    targets, first = np.unique(edges[:, 1] + graph.nodes * layers[edges[:, 1]], return_index=True)
    bounds = np.searchsorted(targets, graph.nodes * np.arange(1, layers.max() + 2))
    for low, high in itertools.pairwise(bounds):
        stop = first[high] if high < len(first) else len(edges)
        ones, length, square = sums[:, edges[first[low] : stop, 0]]
        longer = np.logaddexp(length, ones)
        squared = np.logaddexp(np.logaddexp(square, length + math.log(2)), ones)
        arrived = np.logaddexp.reduceat(np.stack([ones, longer, squared]), first[low:high] - first[low], axis=1)
        sums[:, edges[first[low:high], 1]] = arrived
    total, length, square = np.logaddexp.reduce(sums[:, ends], axis=1)
    if total == -np.inf:
        return 0.0, 0.0, 0.0
    mean, second = math.exp(length - total), math.exp(square - total)
    return float(np.logaddexp(0.0, total)) / math.log(10), mean, max(second - mean * mean, 0.0) ** 0.5


def _disjoint(graph: Graph, starts: npt.NDArray[np.bool_], ends: npt.NDArray[np.bool_]) -> int:
    """Return the largest number of source ways without a common node.

    It is the rank of the starts' and ends' part of (I - A)^-1 when A has generic weights in place of ones (Lindstroem
    1973, Gessel and Viennot 1985). Where the singular values leave a doubt, and in large graphs, it is the largest
    flow in which each node, split into an entry i and an exit n + i, carries at most one unit.
    """
    if min(np.count_nonzero(starts), np.count_nonzero(ends)) == 1 and graph.layers.max() > 0:
        return 1  # the last layer has a way from some source
    if graph.nodes <= _RANKED:
        values = np.linalg.svd(_generic(graph, starts, ends), compute_uv=False)
        shares = values / max(float(values[0]), 1e-300)
        if not ((shares > 1e-12) & (shares < 1e-7)).any():
            return int(np.count_nonzero(shares >= 1e-7)) if values[0] > 0 else 0
    return _flow(graph, starts, ends)


def _generic(graph: Graph, starts: npt.NDArray[np.bool_], ends: npt.NDArray[np.bool_]) -> Floats:
    """Return sums over ways of the product of irrational weights, between starts and ends."""
    order = np.argsort(graph.layers, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(graph.nodes)
    a = np.eye(graph.nodes)
    weights = np.modf(np.arange(1, len(graph.edges) + 1) * _IRRATIONAL)[0]
    a[place[graph.edges[:, 0]], place[graph.edges[:, 1]]] = -weights
    ways, _ = dtrtri(a)
    return np.asarray(ways[np.ix_(starts[order], ends[order])])


def _flow(graph: Graph, starts: npt.NDArray[np.bool_], ends: npt.NDArray[np.bool_]) -> int:
    n, nodes = graph.nodes, np.arange(graph.nodes)
    first, last = nodes[starts], nodes[ends]
    tails = np.concatenate([nodes, graph.edges[:, 0] + n, np.full(len(first), 2 * n), last + n])
    heads = np.concatenate([nodes + n, graph.edges[:, 1], first, np.full(len(last), 2 * n + 1)])
    capacity = np.ones(len(tails), dtype=np.int32)
    size = 2 * n + 2
    return int(maximum_flow(csr_array((capacity, (tails, heads)), shape=(size, size)), 2 * n, 2 * n + 1).flow_value)
