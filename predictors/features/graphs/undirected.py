"""Classical graph theory of the graph without its directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import rustworkx

from predictors.stacks import Bools, Floats, Stack, correlation, mean_var


def undirected(stack: Stack) -> dict[str, Floats]:
    """Return distances, centralities and clustering of each undirected graph, (G,) each.

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
    n, found = stack.nodes.astype(np.float64), stack.geodesics[0]
    distances = found.distances
    sums, count = distances.sum(axis=2), np.count_nonzero(distances, axis=2).astype(np.float64)
    others = np.maximum(n - 1, 1)
    closeness = count * count / np.maximum(sums, 1.0) / others[:, None]
    degrees = stack.degrees[0] + stack.degrees[1]
    eccentricity = distances.max(axis=2)
    through = found.nodes / np.maximum((n - 1) * (n - 2), 1)[:, None]
    cores = core_numbers(stack)
    inverse = (1.0 / np.where(distances > 0, distances, np.inf)).sum(axis=(1, 2))
    return {
        **_moments(
            ("eccentricity", "degree", "closeness", "betweenness"),
            np.stack([eccentricity, degrees / others[:, None], closeness, through]),
            stack.present,
        ),
        **_moments(("edge_betweenness",), _edge_betweenness(stack)[None], stack.joined),
        "diameter": eccentricity.max(axis=1),
        "radius": np.where(stack.present, eccentricity, np.inf).min(axis=1),
        "path_length": sums.sum(axis=1) / np.maximum(count.sum(axis=1), 1),
        "efficiency": inverse / np.maximum(n * (n - 1), 1),
        **_clustering(stack, degrees),
        "assortativity": _assortativity(stack, degrees),
        "core_max": cores.max(axis=1),
        "core_mean": cores.sum(axis=1) / n,
        "cut_nodes": _per_graph(stack, list(rustworkx.articulation_points(stack.undirected))) / n,
        "components": np.rint((stack.present / (1.0 + count)).sum(axis=1)),
    }


def core_numbers(stack: Stack) -> Floats:
    """Return each node's core number, (G, n): the largest k such that a part of least degree k holds it.

    Source: Matula and Beck 1983: nodes of least degree go first; where there are many graphs, in all of them at once.
    """
    if len(stack.nodes) == 1:
        numbers: Mapping[int, int] = rustworkx.core_number(stack.undirected)  # type: ignore[assignment]  # its stub says int
        return np.array([[numbers[node] for node in range(stack.size)]], dtype=np.float64)
    left = np.where(stack.present, stack.degrees[0] + stack.degrees[1], np.inf)
    core, level = np.zeros(left.shape), np.zeros(len(left))
    while True:
        least = left.min(axis=1)
        if np.isinf(least).all():
            return core
        level = np.where(np.isinf(least), level, np.maximum(level, least))
        going = left <= level[:, None]
        core[going] = np.broadcast_to(level[:, None], core.shape)[going]
        left[going] = np.inf
        left -= (stack.symmetric @ going[:, :, None])[:, :, 0]


def _edge_betweenness(stack: Stack) -> Floats:
    pairs, size = stack.geodesics[0].pairs, stack.size
    i, j = stack.edges[:, 0] % size, stack.edges[:, 1] % size
    along = pairs[stack.owner, i, j] + pairs[stack.owner, j, i]
    return stack.of_edges(along / (stack.nodes * (stack.nodes - 1))[stack.owner])


def _moments(names: Sequence[str], values: Floats, there: Bools) -> dict[str, Floats]:
    """Return mean, population variance and largest of (names, G, k) values >= 0 that are there."""
    means, variances = mean_var(values, there)
    largest = (values * there).max(axis=2)
    return {
        f"{name}_{what}": figures[row]
        for row, name in enumerate(names)
        for what, figures in (("mean", means), ("var", variances), ("max", largest))
    }


def _clustering(stack: Stack, degrees: Floats) -> dict[str, Floats]:
    linked = np.einsum("gij,gij->gi", stack.symmetric @ stack.symmetric, stack.symmetric)
    pairs = degrees * (degrees - 1)
    return {
        "clustering": (linked / np.maximum(pairs, 1.0)).sum(axis=1) / stack.nodes,
        "transitivity": linked.sum(axis=1) / np.maximum(pairs.sum(axis=1), 1.0),
    }


def _assortativity(stack: Stack, degrees: Floats) -> Floats:
    ends = degrees.ravel()[stack.edges]
    one, other = stack.of_edges(ends[:, 0]), stack.of_edges(ends[:, 1])
    return correlation(np.hstack([one, other]), np.hstack([other, one]), np.hstack([stack.joined, stack.joined]))


def _per_graph(stack: Stack, numbers: Sequence[int]) -> Floats:
    """Return how many of these nodes each graph has."""
    owners = np.array(numbers, dtype=np.int64) // stack.size
    return np.bincount(owners, minlength=len(stack.nodes)).astype(np.float64)
