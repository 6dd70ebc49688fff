"""The graph features as networkx has them: what `bench features` measures ours against."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from predictors.graphs import Graph


def networkx_figures(graph: Graph) -> dict[str, float]:
    """Return the figures of the groups undirected, routes and spectrum, under the same names, and `counts/layers`.

    One function of networkx for each that it has, as a user of it would write them, plain Python for the rest; the
    distances are shared where one call gives several figures.
    """
    import networkx as nx

    directed: Any = nx.DiGraph()
    directed.add_nodes_from(range(graph.nodes))
    directed.add_edges_from(graph.edges.tolist())
    whole = directed.to_undirected()
    return {
        **_undirected(nx, whole, graph.nodes),
        **_directed(nx, directed, graph.nodes),
        **_spectrum(nx, whole),
        "undirected/assortativity": _assortativity(nx, whole),
        "routes/assortativity": _assortativity(nx, directed),
    }


def _undirected(nx: Any, whole: Any, count: int) -> dict[str, float]:
    lengths = dict(nx.all_pairs_shortest_path_length(whole))
    eccentricity = [max(found.values()) for found in lengths.values()]
    distances = [d for found in lengths.values() for d in found.values() if d > 0]
    cores = list(nx.core_number(whole).values())
    return {
        **_moments("undirected/eccentricity", eccentricity),
        **_moments("undirected/degree", nx.degree_centrality(whole).values()),
        **_moments("undirected/closeness", nx.closeness_centrality(whole).values()),
        **_moments("undirected/betweenness", nx.betweenness_centrality(whole).values()),
        **_moments("undirected/edge_betweenness", nx.edge_betweenness_centrality(whole).values()),
        "undirected/diameter": max(eccentricity),
        "undirected/radius": min(eccentricity),
        "undirected/path_length": sum(distances) / max(len(distances), 1),
        "undirected/efficiency": nx.global_efficiency(whole),
        "undirected/clustering": nx.average_clustering(whole),
        "undirected/transitivity": nx.transitivity(whole),
        "undirected/core_max": max(cores),
        "undirected/core_mean": sum(cores) / count,
        "undirected/cut_nodes": len(list(nx.articulation_points(whole))) / count,
        "undirected/components": nx.number_connected_components(whole),
    }


def _directed(nx: Any, directed: Any, count: int) -> dict[str, float]:
    generations = [list(nodes) for nodes in nx.topological_generations(directed)]
    starts, ends = generations[0], generations[-1]
    lengths = dict(nx.all_pairs_shortest_path_length(directed))
    distances = [d for found in lengths.values() for d in found.values() if d > 0]
    count_in = [sum(node in found for found in lengths.values()) - 1 for node in directed]
    between = [lengths[start][end] for start in starts for end in ends if end in lengths[start] and end != start]
    after = {node for start in starts for node in nx.descendants(directed, start)} | set(starts)
    before = {node for end in ends for node in nx.ancestors(directed, end)} | set(ends)
    live, disjoint = after & before, _disjoint(nx, directed, starts, ends)
    return {
        **_moments("routes/betweenness", nx.betweenness_centrality(directed).values()),
        **_moments("routes/edge_betweenness", nx.edge_betweenness_centrality(directed).values(), most=False),
        **_moments("routes/closeness", nx.closeness_centrality(directed).values(), most=False),
        "counts/layers": len(generations),
        **_ways(nx, directed, starts, ends),
        "routes/shortest": min(between, default=0),
        "routes/in_reach_variation": float(np.std(count_in) / np.mean(count_in)) if any(count_in) else 0.0,
        "routes/reach": 2 * len(distances) / max(count * (count - 1), 1),
        "routes/distance": sum(distances) / max(len(distances), 1),
        "routes/live": len(live) / count,
        "routes/live_edges": sum(a in live and b in live for a, b in directed.edges) / max(len(directed.edges), 1),
        "routes/live_sources": len(live & set(starts)) / len(starts),
        "routes/disjoint": disjoint,
        "routes/disjoint_share": disjoint / min(len(starts), len(ends)),
    }


def _ways(nx: Any, directed: Any, starts: list[int], ends: list[int]) -> dict[str, float]:
    """Count the ways to each node by their length, in topological order."""
    ways: dict[int, dict[int, int]] = {}
    for node in nx.topological_sort(directed):
        ways[node] = {0: 1} if node in set(starts) else {}
        for before in directed.predecessors(node):
            for length, number in ways[before].items():
                ways[node][length + 1] = ways[node].get(length + 1, 0) + number
    lengths, numbers = zip(*(item for end in ends for item in ways[end].items()), strict=True)
    mean = float(np.average(lengths, weights=numbers))
    return {
        "routes/log_count": math.log10(1 + sum(numbers)),
        "routes/length_mean": mean,
        "routes/length_std": float(np.average((np.array(lengths) - mean) ** 2, weights=numbers)) ** 0.5,
    }


def _assortativity(nx: Any, graph: Any) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        found = float(nx.degree_assortativity_coefficient(graph)) if graph.number_of_edges() else 0.0
    return found if math.isfinite(found) else 0.0


def _disjoint(nx: Any, directed: Any, starts: list[int], ends: list[int]) -> float:
    split = nx.DiGraph()
    split.add_edges_from((((node, "in"), (node, "out")) for node in directed), capacity=1)
    split.add_edges_from(((a, "out"), (b, "in")) for a, b in directed.edges)
    split.add_edges_from(("start", (node, "in")) for node in starts)
    split.add_edges_from(((node, "out"), "end") for node in ends)
    return float(nx.maximum_flow_value(split, "start", "end"))


def _spectrum(nx: Any, whole: Any) -> dict[str, float]:
    adjacency, laplacian = np.sort(nx.adjacency_spectrum(whole).real), np.sort(nx.laplacian_spectrum(whole))
    degree = sum(number for _, number in whole.degree) / len(whole)
    return {
        "spectrum/radius": float(adjacency[-1]),
        "spectrum/radius_share": float(adjacency[-1]) / degree if degree else 0.0,
        "spectrum/log_laplacian": math.log10(1 + max(float(laplacian[-1]), 0.0)),
        "spectrum/gap": float(adjacency[-1] - adjacency[-2]),
        "spectrum/algebraic_connectivity": float(laplacian[1]),
    }


def _moments(name: str, values: Any, *, most: bool = True) -> dict[str, float]:
    found = np.array(list(values) or [0.0], dtype=np.float64)
    moments = {f"{name}_mean": float(found.mean()), f"{name}_var": float(found.var())}
    return {**moments, f"{name}_max": float(found.max())} if most else moments
