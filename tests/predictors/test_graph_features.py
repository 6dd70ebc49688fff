"""Features of bare graphs: against networkx, against enumeration, and their invariances."""

from __future__ import annotations

import importlib
import itertools
import math
from typing import Any

import networkx as nx
import numpy as np
import pytest
import rustworkx
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.benchmarks.networkx_figures import networkx_figures
from predictors import PredictorError, graph_features, graphs_features
from predictors.features.graphs import GRAPH_GROUPS, graph_feature_names
from predictors.geodesics import by_levels, by_powers, multiplied
from predictors.graphs import Graph, read_graph
from predictors.stacks import Stack, stacks


def random_dag(nodes: int, share: float, seed: int) -> Graph:
    """Return a graph in which each pair i < j is joined with this probability."""
    rng = np.random.default_rng(seed)
    return Graph(nodes, np.argwhere(np.triu(rng.random((nodes, nodes)) < share, 1)))


def as_networkx(graph: Graph) -> Any:
    """Return the same graph in networkx, directed."""
    other = nx.DiGraph()
    other.add_nodes_from(range(graph.nodes))
    other.add_edges_from(graph.edges.tolist())
    return other


ways_module = importlib.import_module("predictors.features.graphs.ways")
spectrum = importlib.import_module("predictors.features.graphs.spectrum")

DAGS = [
    random_dag(nodes, share, seed) for seed, (nodes, share) in enumerate([(2, 1.0), (9, 0.3), (30, 0.1), (40, 0.3)])
]


@pytest.mark.parametrize("graph", [Graph(1, np.empty((0, 2), int)), Graph(4, np.empty((0, 2), int)), *DAGS])
def test_same_names_and_finite_values_for_every_graph(graph: Graph) -> None:
    row = graph_features(graph)
    assert tuple(row) == graph_feature_names()
    assert all(type(value) is float and math.isfinite(value) for value in row.values())
    assert {name.split("/")[0] for name in row} == set(GRAPH_GROUPS)


@pytest.mark.parametrize("graph", DAGS)
def test_classical_figures_are_those_of_networkx(graph: Graph) -> None:
    row, directed = graph_features(graph), as_networkx(graph)
    whole = directed.to_undirected()
    for name, group, values in (
        ("closeness", "undirected", nx.closeness_centrality(whole)),
        ("betweenness", "undirected", nx.betweenness_centrality(whole)),
        ("edge_betweenness", "undirected", nx.edge_betweenness_centrality(whole)),
        ("degree", "undirected", nx.degree_centrality(whole)),
        ("closeness", "routes", nx.closeness_centrality(directed)),
        ("betweenness", "routes", nx.betweenness_centrality(directed)),
        ("edge_betweenness", "routes", nx.edge_betweenness_centrality(directed)),
    ):
        figures = np.array(list(values.values()))
        assert row[f"{group}/{name}_mean"] == pytest.approx(figures.mean(), abs=1e-12), (group, name)
        assert row[f"{group}/{name}_var"] == pytest.approx(figures.var(), abs=1e-12), (group, name)
    assert row["undirected/clustering"] == pytest.approx(nx.average_clustering(whole))
    assert row["undirected/transitivity"] == pytest.approx(nx.transitivity(whole))
    assert row["undirected/efficiency"] == pytest.approx(nx.global_efficiency(whole))
    assert row["undirected/components"] == nx.number_connected_components(whole)
    assert row["undirected/core_max"] == max(nx.core_number(whole).values())
    assert row["undirected/cut_nodes"] == pytest.approx(len(list(nx.articulation_points(whole))) / graph.nodes)
    assert row["counts/layers"] == len(list(nx.topological_generations(directed)))
    assert row["routes/reach"] * graph.nodes * (graph.nodes - 1) / 2 == pytest.approx(
        nx.transitive_closure_dag(directed).number_of_edges()
    )


def test_distances_and_spectra_of_a_connected_graph_are_those_of_networkx() -> None:
    graph = DAGS[3]
    row, whole = graph_features(graph), as_networkx(graph).to_undirected()
    assert nx.is_connected(whole)
    figures = np.array(list(nx.eccentricity(whole).values()))
    assert row["undirected/eccentricity_mean"] == pytest.approx(figures.mean())
    assert (row["undirected/diameter"], row["undirected/radius"]) == (figures.max(), figures.min())
    assert row["undirected/path_length"] == pytest.approx(nx.average_shortest_path_length(whole))
    assert row["undirected/assortativity"] == pytest.approx(nx.degree_assortativity_coefficient(whole))
    assert row["routes/assortativity"] == pytest.approx(nx.degree_assortativity_coefficient(as_networkx(graph)))
    laplacian, adjacency = np.sort(nx.laplacian_spectrum(whole)), np.sort(nx.adjacency_spectrum(whole).real)
    assert row["spectrum/algebraic_connectivity"] == pytest.approx(laplacian[1])
    assert row["spectrum/radius"] == pytest.approx(adjacency[-1])
    assert row["spectrum/gap"] == pytest.approx(adjacency[-1] - adjacency[-2])


def _ways(graph: Graph) -> list[list[int]]:
    """Return every way from a source to a node of the last layer, one by one."""
    directed = as_networkx(graph)
    generations = list(nx.topological_generations(directed))
    return [
        list(way)
        for start, end in itertools.product(generations[0], generations[-1])
        for way in (nx.all_simple_paths(directed, start, end) if start != end else [[start]])
    ]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), nodes=st.integers(2, 12), share=st.floats(0.1, 0.6))
def test_ways_are_those_of_enumeration(seed: int, nodes: int, share: float) -> None:
    graph = random_dag(nodes, share, seed)
    ways = _ways(graph)
    lengths = np.array([len(way) - 1 for way in ways])
    row = graph_features(graph, ["routes"])
    assert 10 ** row["routes/log_count"] - 1 == pytest.approx(len(ways))
    assert row["routes/length_mean"] == pytest.approx(lengths.mean())
    assert row["routes/length_std"] == pytest.approx(lengths.std(), abs=1e-6)
    assert row["routes/live"] == pytest.approx(len({node for way in ways for node in way}) / nodes)
    edges = {pair for way in ways for pair in itertools.pairwise(way)}
    assert row["routes/live_edges"] == pytest.approx(len(edges) / max(len(graph.edges), 1))
    exact = [figure[0] for figure in ways_module.source_ways(Stack([graph]))]
    assert ways_module._in_logarithms(Stack([graph])) == pytest.approx(exact, abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_disjoint_ways_are_mengers(seed: int) -> None:
    """Oracle: the least number of nodes, ends included, whose removal leaves no way, tried out."""
    graph = random_dag(8, 0.3, seed)
    ways = [set(way) for way in _ways(graph)]
    cut = next(
        size
        for size in range(9)
        if any(all(way & set(nodes) for way in ways) for nodes in itertools.combinations(range(8), size))
    )
    assert graph_features(graph, ["routes"])["routes/disjoint"] == cut


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_renumbering_nodes_changes_nothing(seed: int) -> None:
    graph = random_dag(17, 0.2, seed)
    order = np.random.default_rng(seed).permutation(graph.nodes)
    row, other = graph_features(graph), graph_features(Graph(graph.nodes, order[graph.edges]))
    for name, value in row.items():
        assert other[name] == pytest.approx(value, rel=1e-7, abs=1e-7), name


def test_layers_and_skips_by_hand() -> None:
    """0, 1 -> 2 -> 3 and 1 -> 3: layers of 2, 1, 1 nodes, one edge of four skips one."""
    row = graph_features(Graph(4, np.array([[0, 2], [1, 2], [2, 3], [1, 3]])))
    assert (row["counts/layers"], row["counts/sources"], row["counts/last"], row["counts/sinks"]) == (3, 2, 1, 1)
    assert row["layering/skips"] == 0.25
    assert row["layering/skip_pairs"] == 1
    assert row["layering/span_mean"] == 1.25
    assert row["layering/log_square"] == pytest.approx(math.log10(4 + 1 + 1))
    assert row["layering/log_pair_weights"] == pytest.approx(math.log10(1 + 2 * 1))
    assert row["routes/log_count"] == pytest.approx(math.log10(1 + 3))
    assert row["routes/disjoint"] == 1


def test_large_graphs_agree_with_small_ones_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = random_dag(120, 0.05, 1)
    row = graph_features(graph)
    monkeypatch.setattr(spectrum, "_DENSE", 10)
    monkeypatch.setattr(ways_module, "EXACT", 10)
    monkeypatch.setattr("predictors.stacks.SMALL", 10)
    other = graph_features(Graph(graph.nodes, graph.edges))
    for name, value in row.items():
        assert other[name] == pytest.approx(value, rel=1e-6, abs=1e-6), name


def _many(seed: int) -> list[Graph]:
    """Return graphs of all sizes up to 40 nodes, some in parts, some without edges, and a large one."""
    rng = np.random.default_rng(seed)
    small = [
        random_dag(int(n), float(p), seed) for n, p in zip(rng.integers(1, 40, 30), rng.random(30) ** 2, strict=True)
    ]
    return [*small, Graph(1, np.empty((0, 2), int)), Graph(6, np.empty((0, 2), int)), random_dag(150, 0.02, seed)]


@pytest.mark.parametrize("seed", range(3))
def test_many_graphs_at_once_have_the_figures_of_each_alone(seed: int) -> None:
    graphs = _many(seed)
    names, rows = graphs_features(graphs)
    assert names == graph_feature_names()
    for graph, row in zip(graphs, rows, strict=True):
        np.testing.assert_allclose(row, list(graph_features(graph).values()), rtol=1e-9, atol=1e-9)
    order = [position for positions, _ in stacks(graphs) for position in positions]
    assert sorted(order) == list(range(len(graphs)))


def test_many_graphs_have_the_figures_of_networkx() -> None:
    """Oracle: networkx, for every figure of three groups. Its assortativity is left out where degrees hardly vary."""
    graphs = [graph for graph in _many(7) if graph.nodes > 2]
    names, rows = graphs_features(graphs)
    for graph, row in zip(graphs, rows, strict=True):
        ours, theirs = dict(zip(names, row.tolist(), strict=True)), networkx_figures(graph)
        assert {name for name in names if name.startswith(("undirected/", "routes/", "spectrum/"))} <= set(theirs)
        for name, value in theirs.items():
            if not name.endswith("/assortativity") or abs(value) > 1e-6:
                assert ours[name] == pytest.approx(value, abs=1e-9), name


def test_shortest_ways_by_powers_are_those_by_levels_or_given_up() -> None:
    """5^6 shortest ways between two nodes, and chains of 16 edges, are too much for the powers: they say so."""
    ladders = [
        [pair for i in range(0, 3 * k, 3) for pair in ((i, i + 1), (i, i + 2), (i + 1, i + 3), (i + 2, i + 3))]
        for k in (3, 7)
    ]
    dense = [[(5 * i + a, 5 * i + 5 + b) for i in range(7) for a in range(5) for b in range(5)]]  # 5^6 ways end to end
    chains = [[(i, i + 1) for i in range(length)] for length in (15, 16, 30)]
    stack = Stack([Graph(50, np.array(pairs)) for pairs in (*ladders, *dense, *chains)])
    assert by_powers(stack.adjacency)[3].tolist() == [False, False, True, False, True, True]
    for steps in (stack.adjacency, stack.symmetric):
        found = multiplied(steps)
        for ours, exact in zip((found.distances, found.nodes, found.pairs * steps), by_levels(steps), strict=True):
            np.testing.assert_allclose(ours, exact, rtol=1e-9, atol=1e-9)


def test_graphs_of_other_libraries_are_read() -> None:
    graph = DAGS[2]
    row = graph_features(graph)
    assert graph_features(as_networkx(graph)) == row
    other = rustworkx.PyDiGraph()
    other.add_nodes_from(range(graph.nodes))
    other.extend_from_edge_list([tuple(edge) for edge in graph.edges.tolist()])
    assert graph_features(other) == row
    assert graph_features(as_networkx(graph).to_undirected()) == row
    assert graph_features(read_graph({"nodes": list(range(graph.nodes)), "edges": graph.edges.tolist()})) == row


def test_each_refusal_is_one_line() -> None:
    with pytest.raises(PredictorError, match=r"graph must be acyclic; got a cycle among 3 nodes"):
        graph_features(Graph(3, np.array([[0, 1], [1, 2], [2, 0]])))
    with pytest.raises(PredictorError, match=r"edges must join nodes 0 to 1; got 0 to 5"):
        Graph(2, np.array([[0, 5]]))
    with pytest.raises(PredictorError, match=r"an edge must join two nodes; got 1 twice \(row 0"):
        Graph(2, np.array([[1, 1]]))
    with pytest.raises(PredictorError, match=r"each edge must stand once; got 1 again"):
        Graph(2, np.array([[0, 1], [0, 1]]))
    with pytest.raises(PredictorError, match=r"graph must have at least one node; got 0"):
        Graph(0, np.empty((0, 2), int))
    with pytest.raises(PredictorError, match=r"edges must be pairs of node numbers; got something else"):
        Graph(3, np.array([0, 1, 2]))
    with pytest.raises(PredictorError, match=r"graph must be a Graph, a networkx or a rustworkx graph; got int"):
        graph_features(3)
    with pytest.raises(PredictorError, match=r"a graph's record must have nodes, and edges that are pairs"):
        read_graph({"nodes": [0]})
    with pytest.raises(PredictorError, match=r"graphs must be at least one; got none"):
        graphs_features([])
    with pytest.raises(PredictorError, match=r"unknown graph feature group 'route'; did you mean 'routes'"):
        graph_features(DAGS[0], ["route"])
