"""Classical graph theory of the graph without its directions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import rustworkx

from predictors.graphs import Floats, Graph


def undirected(graph: Graph) -> dict[str, float]:
    """Return distances, centralities and clustering of the undirected graph.

    Distances count edges; what cannot be reached does not count. For each node: eccentricity, closeness
    (r - 1) / (n - 1) * (r - 1) / (sum of distances) with r nodes reached, degree centrality k / (n - 1) and
    betweenness; for each edge betweenness; all normalised as usual to [0, 1].

    - eccentricity_, degree_, closeness_, betweenness_, edge_betweenness_ mean, var (population) and max.
    - diameter, radius: the largest and least eccentricity; path_length: mean distance; efficiency: mean of 1 /
      distance, 0 where there is none.
    - clustering: mean over nodes of the share of linked pairs of neighbours; transitivity: over all such pairs at once.
    - assortativity: correlation of the degrees at both ends of an edge, 0 if all degrees are equal.
    - core_max, core_mean: core numbers. cut_nodes: share of nodes whose removal separates others.
    - components: number of connected parts.

    Cost: O(n m) for the betweenness, O(n^2) for the rest.
    Source: Freeman 1977 (betweenness); Wasserman and Faust 1994 (closeness of graphs in parts); Watts and Strogatz
        1998; Newman 2002 (assortativity); Stier and Granitzer 2019 (arXiv 1910.07225) for their use on networks.
    """
    whole, n = graph.undirected, graph.nodes
    found = graph.geodesics[0]
    distances, reached = found.distances, found.distances > 0
    sums, count = distances.sum(axis=1), reached.sum(axis=1)
    closeness = count * count / np.maximum(sums, 1.0) / max(n - 1, 1)
    degrees = graph.symmetric.sum(axis=1)
    eccentricity = distances.max(axis=1)
    numbers: Mapping[int, int] = rustworkx.core_number(whole)  # type: ignore[assignment]  # its stub says int
    cores = np.fromiter(numbers.values(), dtype=np.float64, count=n)
    pairs = max(int(count.sum()), 1)
    inverse = np.divide(1.0, distances, out=np.zeros_like(distances), where=reached)
    return {
        **_moments(
            ("eccentricity", "degree", "closeness", "betweenness"),
            np.stack([eccentricity, degrees / max(n - 1, 1), closeness, found.nodes]),
        ),
        **_moments(("edge_betweenness",), found.edges[None] if len(found.edges) else np.zeros((1, 1))),
        "diameter": float(eccentricity.max()),
        "radius": float(eccentricity.min()),
        "path_length": float(sums.sum()) / pairs,
        "efficiency": float(inverse.sum()) / max(n * (n - 1), 1),
        **_clustering(graph.symmetric, degrees),
        "assortativity": correlation(degrees[graph.edges], symmetric=True),
        "core_max": float(cores.max()),
        "core_mean": float(cores.mean()),
        "cut_nodes": len(rustworkx.articulation_points(whole)) / n,
        "components": float(rustworkx.number_connected_components(whole)),
    }


def correlation(ends: Floats, *, symmetric: bool = False) -> float:
    """Return the correlation of the two columns of (edges, 2) values, over both orders if symmetric; 0 if constant."""
    if not len(ends):
        return 0.0
    first, second = ends[:, 0], ends[:, 1]
    if symmetric:
        first, second = np.concatenate([first, second]), np.concatenate([second, first])
    first, second = first - first.mean(), second - second.mean()
    norm = float(first @ first) * float(second @ second)
    return float(first @ second) / norm**0.5 if norm > 1e-18 * len(first) else 0.0


def _moments(names: tuple[str, ...], values: Floats) -> dict[str, float]:
    """Return mean, population variance and largest of each row of (names, n) values."""
    means = values.sum(axis=1) / values.shape[1]
    centred = values - means[:, None]
    variances = (centred * centred).sum(axis=1) / values.shape[1]
    triples = zip(names, means.tolist(), variances.tolist(), values.max(axis=1).tolist(), strict=True)
    return {
        f"{name}_{what}": figure
        for name, *figures in triples
        for what, figure in zip(("mean", "var", "max"), figures, strict=True)
    }


def _clustering(adjacency: Floats, degrees: Floats) -> dict[str, float]:
    linked = ((adjacency @ adjacency) * adjacency).sum(axis=1)
    pairs = degrees * (degrees - 1)
    return {
        "clustering": float((linked / np.maximum(pairs, 1.0)).mean()),
        "transitivity": float(linked.sum()) / max(float(pairs.sum()), 1.0),
    }
