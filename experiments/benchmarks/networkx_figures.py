"""The graph features as networkx has them: what `bench features` measures ours against."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from predictors.graphs import Graph


def networkx_figures(graph: Graph) -> dict[str, float]:
    """Return the figures of `predictors.graph_features` that networkx has functions for, under the same names.

    One function of networkx for each, as a user of it would write them; the distances are shared where one call gives
    several. Layer statistics, which networkx does not have, are left out.
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
    ways = dict.fromkeys(directed, 0)
    for node in nx.topological_sort(directed):
        ways[node] = sum(ways[before] for before in directed.predecessors(node)) or int(node in set(starts))
    after = {node for start in starts for node in nx.descendants(directed, start)} | set(starts)
    before = {node for end in ends for node in nx.ancestors(directed, end)} | set(ends)
    return {
        **_moments("routes/betweenness", nx.betweenness_centrality(directed).values()),
        **_moments("routes/edge_betweenness", nx.edge_betweenness_centrality(directed).values(), most=False),
        **_moments("routes/closeness", nx.closeness_centrality(directed).values(), most=False),
        "counts/layers": len(generations),
        "routes/log_count": math.log10(1 + sum(ways[end] for end in ends)),
        "routes/reach": 2 * len(distances) / max(count * (count - 1), 1),
        "routes/distance": sum(distances) / max(len(distances), 1),
        "routes/live": len(after & before) / count,
        "routes/disjoint": _disjoint(nx, directed, starts, ends),
    }


def _disjoint(nx: Any, directed: Any, starts: list[int], ends: list[int]) -> float:
    split = nx.DiGraph()
    split.add_edges_from((((node, "in"), (node, "out")) for node in directed), capacity=1)
    split.add_edges_from(((a, "out"), (b, "in")) for a, b in directed.edges)
    split.add_edges_from(("start", (node, "in")) for node in starts)
    split.add_edges_from(((node, "out"), "end") for node in ends)
    return float(nx.maximum_flow_value(split, "start", "end"))


def _spectrum(nx: Any, whole: Any) -> dict[str, float]:
    adjacency, laplacian = np.sort(nx.adjacency_spectrum(whole).real), np.sort(nx.laplacian_spectrum(whole))
    return {
        "spectrum/radius": float(adjacency[-1]),
        "spectrum/gap": float(adjacency[-1] - adjacency[-2]),
        "spectrum/algebraic_connectivity": float(laplacian[1]),
    }


def _moments(name: str, values: Any, *, most: bool = True) -> dict[str, float]:
    found = np.array(list(values), dtype=np.float64)
    moments = {f"{name}_mean": float(found.mean()), f"{name}_var": float(found.var())}
    return {**moments, f"{name}_max": float(found.max())} if most else moments
