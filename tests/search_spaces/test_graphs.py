"""Generators, twins, layers, and the networks built on graphs; networkx is the oracle of graph figures."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from search_spaces import SpaceError
from search_spaces.graphs import GENERATORS, Graph, barabasi_albert, twin, watts_strogatz
from search_spaces.graphs.masked import CELLS, MaskedRecurrent
from search_spaces.graphs.networks import GraphMLP, GraphRNN, LayeredRNN, layered
from search_spaces.initialize import initialize

every_generator = pytest.mark.parametrize("generator", GENERATORS.values(), ids=list(GENERATORS))


def oracle(graph: Graph) -> networkx.Graph:
    found = networkx.Graph()
    found.add_nodes_from(range(graph.nodes))
    found.add_edges_from(graph.edges)
    return found


def made(module: nn.Module, seed: int = 0) -> nn.Module:
    return initialize(lambda: module, torch.Generator().manual_seed(seed), gain=1.0)


@every_generator
@settings(max_examples=30, deadline=None)
@given(nodes=st.integers(10, 50), half=st.integers(1, 4), seed=st.integers(0, 2**32))
def test_generators_are_pure_and_have_the_edges_asked_for(generator, nodes: int, half: int, seed: int) -> None:  # type: ignore[no-untyped-def]
    degree = 2 * half
    graph = generator(nodes, degree, np.random.default_rng(seed))
    assert graph == generator(nodes, degree, np.random.default_rng(seed))
    assert graph.nodes == nodes
    lost = half * half if generator is barabasi_albert else 0  # the first m nodes start without edges
    assert len(graph.edges) == nodes * half - lost


@settings(max_examples=30, deadline=None)
@given(nodes=st.integers(12, 40), seed=st.integers(0, 2**32))
def test_a_twin_keeps_nodes_edges_and_every_degree(nodes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = barabasi_albert(nodes, 4, rng)
    other = twin(graph, rng)
    assert other.degrees.tolist() == graph.degrees.tolist()
    assert len(other.edges) == len(graph.edges)
    assert other != graph


def test_a_twin_of_a_lattice_loses_its_clustering() -> None:
    """Expected clustering of the twin is about degree / nodes = 0.06; a lattice of degree 6 has 0.6."""
    graph = watts_strogatz(100, 6, np.random.default_rng(0), rewiring=0.0)
    assert networkx.transitivity(oracle(graph)) == pytest.approx(0.6)
    assert networkx.transitivity(oracle(twin(graph, np.random.default_rng(1)))) < 0.15


def test_watts_strogatz_without_rewiring_is_networkx_ring_and_keeps_every_edge_count() -> None:
    ring = watts_strogatz(20, 4, np.random.default_rng(0), rewiring=0.0)
    assert set(ring.edges) == {(min(e), max(e)) for e in networkx.watts_strogatz_graph(20, 4, 0.0).edges}
    for rewiring in (0.2, 1.0):
        other = watts_strogatz(20, 4, np.random.default_rng(0), rewiring=rewiring)
        assert len(other.edges) == 40
        assert other != ring


@settings(max_examples=30, deadline=None)
@given(nodes=st.integers(5, 30), seed=st.integers(0, 2**32))
def test_layers_are_the_longest_paths_from_the_sources(nodes: int, seed: int) -> None:
    graph = GENERATORS["erdos_renyi"](nodes, 3, np.random.default_rng(seed))
    ordered = networkx.DiGraph(list(graph.edges))
    ordered.add_nodes_from(range(nodes))
    for node in range(nodes):
        above = ordered.subgraph({*networkx.ancestors(ordered, node), node})
        assert graph.layers[node] == networkx.dag_longest_path_length(above)
    assert graph.sources == tuple(n for n in range(nodes) if ordered.in_degree(n) == 0)
    assert graph.sinks == tuple(n for n in range(nodes) if ordered.out_degree(n) == 0)
    assert sorted(n for layer in layered(graph) for n in layer) == list(range(nodes))


def test_bad_graphs_are_refused() -> None:
    for edges in (((1, 0),), ((0, 1), (0, 1)), ((0, 3),), ((0, 0),)):
        with pytest.raises(SpaceError, match="edges must be sorted pairs u < v below 3"):
            Graph(3, edges)
    with pytest.raises(SpaceError, match="at least 1 node; got 0"):
        Graph(0, ())
    with pytest.raises(SpaceError, match="more nodes than the degree 4; got 4"):
        watts_strogatz(4, 4, np.random.default_rng(0))
    with pytest.raises(SpaceError, match=r"rewiring probability must be in \[0, 1\]; got 2"):
        watts_strogatz(9, 4, np.random.default_rng(0), rewiring=2.0)


def strings(count: int, length: int, generator: torch.Generator) -> Tensor:
    return nn.functional.one_hot(torch.randint(7, (count, length), generator=generator), 7).float()


@pytest.mark.parametrize("cell", CELLS)
def test_a_masked_layer_is_torchs_own_with_those_weights_at_zero(cell: str) -> None:
    graph = watts_strogatz(12, 4, np.random.default_rng(0))
    module = made(GraphRNN(graph, cell, 7, 2, "sources"))
    layer = module.get_submodule("recurrent")
    assert isinstance(layer, MaskedRecurrent)
    kind = {"tanh": nn.RNN, "relu": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell]
    settings = {"nonlinearity": cell} if kind is nn.RNN else {}
    plain = kind(7, 12, bias=False, batch_first=True, **settings)
    edges = graph.adjacency | np.eye(12, dtype=bool)
    for name in ("weight_ih_l0", "weight_hh_l0"):
        weight = getattr(layer, name).detach().clone()
        present = layer.present_weights()[name]
        assert bool((weight[~present] == 0).all())
        assert bool((weight[present] != 0).all())
        getattr(plain, name).data.copy_(weight)
    gates = layer.gates
    assert layer.present_weights()["weight_hh_l0"].tolist() == np.tile(edges, (gates, 1)).tolist()
    x = strings(5, 9, torch.Generator().manual_seed(1))
    assert torch.equal(layer(x), plain(x)[0])
    module(x).square().sum().backward()
    gradient = layer.weight_hh_l0.grad
    assert gradient is not None
    assert bool((gradient[~layer.present_weights()["weight_hh_l0"]] == 0).all())


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", [GraphRNN, LayeredRNN])
def test_blanks_before_a_string_change_nothing(cell: str, kind: type[nn.Module]) -> None:
    graph = barabasi_albert(15, 4, np.random.default_rng(0))
    module = made(kind(graph, cell, 7, 2, *(("sources",) if kind is GraphRNN else ())))
    x = strings(3, 8, torch.Generator().manual_seed(2))
    longer = torch.cat((torch.zeros(3, 4, 7), x), 1)
    assert torch.allclose(module(x), module(longer), atol=1e-6)


@pytest.mark.parametrize("wiring", ["all", "sources", "layered", "mlp"])
def test_no_node_is_dead(wiring: str) -> None:
    """Every node's activity moves the output: its own row of weights has a gradient, in graphs with early sinks too."""
    graph = barabasi_albert(20, 2, np.random.default_rng(3))
    assert len(graph.sinks) > 1
    x = strings(64, 12, torch.Generator().manual_seed(3))
    module: nn.Module
    if wiring == "mlp":
        module = made(GraphMLP(graph, "gelu", 84, 2, 2))
    else:
        module = made(LayeredRNN(graph, "tanh", 7, 2) if wiring == "layered" else GraphRNN(graph, "tanh", 7, 2, wiring))
    module(x).square().sum().backward()
    weights = [p for name, p in module.named_parameters() if name.endswith(("weight_hh_l0", "weight"))]
    for weight in weights:
        assert weight.grad is not None
        if weight.shape[0] != 2:
            assert bool((weight.grad.abs().sum(1) > 0).all())
    alone = LayeredRNN(graph, "tanh", 7, 2, read_last=True)
    assert alone.head.present_weights()["weight"].sum() < 2 * len(graph.sinks)


def test_the_layered_network_follows_the_graph_edge_by_edge() -> None:
    """A plain loop over nodes and edges, in time and then in layers, gives the same logits."""
    graph = GENERATORS["erdos_renyi"](9, 3, np.random.default_rng(1))
    module = made(LayeredRNN(graph, "tanh", 7, 2))
    assert isinstance(module, LayeredRNN)
    layers, x = layered(graph), strings(2, 5, torch.Generator().manual_seed(4))
    order = [node for layer in layers for node in layer]
    before = torch.zeros(2, graph.nodes)
    for step in range(5):
        now = torch.zeros(2, graph.nodes)
        for number, nodes in enumerate(layers):
            layer = module.layers[number]
            assert isinstance(layer, MaskedRecurrent)
            for i, node in enumerate(nodes):
                total = layer.weight_hh_l0[i] @ before[:, nodes].t()
                if number == 0:
                    total = total + layer.weight_ih_l0[i] @ x[:, step].t()
                for j, source in enumerate(order):
                    if j < layer.input_size and number > 0 and (source, node) in graph.edges:
                        total = total + layer.weight_ih_l0[i, j] * now[:, source]
                now[:, node] = torch.tanh(total)
        before = now
    expected = sum(before[:, [node]] * module.head.weight[:, i] for i, node in enumerate(order) if node in graph.sinks)
    assert torch.allclose(module(x), expected + module.head.bias, atol=1e-5)
