"""The traced graph against the network itself, against enumeration, and against what is known of each layer."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pruning import PruningError, prunable
from pruning.graph import Junction, LayerGraph, Weighted, trace
from pruning.walks.options import identity_skips
from tests.pruning.graph_nets import WIRED, Gated, Projected, wired
from tests.pruning.nets import NETS, make

every_wiring = pytest.mark.parametrize("name", sorted(WIRED))


def matrix(graph: LayerGraph, step: Weighted, weight: Tensor) -> Tensor:
    """The (units of out, units of source) matrix of a weight, entry by entry."""
    use = graph.uses[graph.names[step.layer]]
    result = torch.zeros(graph.units[step.out], graph.units[step.source], dtype=weight.dtype)
    first, second = weight.shape[:2]
    for a, b in itertools.product(range(first), range(second)):
        other = a // (first // use.groups) * second + b
        out, source = (other, a) if use.transposed else (a, other)
        result[out, source] = weight[a, b].sum()
    return result


def evaluated(graph: LayerGraph, weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
    """What a linear network of this graph computes, unit by unit."""
    values = [torch.zeros(units, dtype=inputs.dtype) for units in graph.units]
    values[0] = inputs
    for step in graph.steps:
        if isinstance(step, Weighted):
            values[step.out] = matrix(graph, step, weights[graph.names[step.layer]]) @ values[step.source]
        else:
            for part in step.parts:
                count = graph.units[part.source] if part.take is None else len(part.take)
                for k in range(count):
                    source = k if part.take is None else int(part.take[k])
                    values[step.out][k if part.put is None else int(part.put[k])] += values[part.source][source]
    return torch.cat([values[node] for node in graph.outputs])


def paths(graph: LayerGraph, node: int, unit: int) -> int:
    """The number of ways from one unit to the outputs, found by going each of them."""
    count = int(node in graph.outputs)
    for step in graph.steps:
        if isinstance(step, Weighted) and step.source == node:
            use = graph.uses[graph.names[step.layer]]
            joined = matrix(graph, step, torch.ones(use.weight.shape))[:, unit].tolist()
            count += sum(int(n) * paths(graph, step.out, out) for out, n in enumerate(joined) if n)
        elif isinstance(step, Junction):
            for part in step.parts:
                if part.source == node:
                    takes = range(graph.units[node]) if part.take is None else part.take.tolist()
                    ways = [k if part.put is None else int(part.put[k]) for k, u in enumerate(takes) if u == unit]
                    count += sum(paths(graph, step.out, out) for out in ways)
    return count


@every_wiring
def test_a_linear_network_computes_the_sum_over_the_paths_of_its_graph(name: str) -> None:
    module, shape = wired(name), WIRED[name][1]
    colours = torch.tensor([0.7, -1.3], dtype=torch.float64)
    image = colours.view(1, 2, 1, 1).expand(1, *shape)
    weights = {key: weight.detach() for key, weight in prunable(module).items()}
    graph = trace(module, shape)
    expected = module(image).flatten().detach() if name != "flat" else unscaled(module, image)
    torch.testing.assert_close(evaluated(graph, weights, colours), expected, rtol=1e-12, atol=1e-12)


def unscaled(module: nn.Module, image: Tensor) -> Tensor:
    """The output without the norm and the ReLU, which are no part of the wiring."""
    assert isinstance(module, nn.Sequential)
    out: Tensor = module[4](module[3](module[0](image))).flatten().detach()
    return out


@every_wiring
def test_path_counts_are_those_of_enumeration(name: str) -> None:
    """Oracle: with ones for weights and inputs, a linear network computes its own number of paths."""
    module, shape = wired(name), WIRED[name][1]
    with torch.no_grad():
        for weight in prunable(module).values():
            weight.fill_(1.0)
    graph = trace(module, shape)
    counted = sum(paths(graph, 0, unit) for unit in range(graph.units[0]))
    ones = torch.ones(1, *shape, dtype=torch.float64)
    expected = module(ones).sum() if name != "flat" else unscaled(module, ones).sum()
    assert counted == int(expected.item()) > 10


def test_a_flattened_channel_becomes_many_inputs() -> None:
    graph = trace(
        nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 5)), (2, 4, 4)
    )
    (flatten,) = (step for step in graph.steps if isinstance(step, Junction))
    assert graph.units == (2, 3, 12, 5)
    assert flatten.parts[0].take is not None
    np.testing.assert_array_equal(flatten.parts[0].take, np.repeat([0, 1, 2], 4))


@pytest.mark.parametrize("shape", [(1, 3, 4), (3, 4), (12,), (3, 2, 2), (1, 1, 12)])
def test_flattened_inputs_each_have_one_path(shape: tuple[int, ...]) -> None:
    """A single channel is no exception (a batch axis of two was once taken for it)."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(12, 2, bias=False))
    graph = trace(module, shape)
    assert sum(paths(graph, 0, unit) for unit in range(graph.units[0])) == 24


def test_depthwise_and_grouped_convolutions_keep_to_their_groups() -> None:
    graph = trace(make("separable"), (3, 8, 8))
    assert [use.groups for use in graph.uses.values()] == [1, 8, 2, 1]
    second = graph.weighted[2]
    joined = matrix(graph, second, torch.ones(12, 4, 1, 1))
    assert joined[:6, :4].all() and joined[6:, 4:].all()
    assert not joined[:6, 4:].any() and not joined[6:, :4].any()


@pytest.mark.parametrize(("kind", "gates"), [(nn.RNN, 1), (nn.GRU, 3), (nn.LSTM, 4)])
def test_recurrent_edges_are_named_and_join_the_gates_of_each_unit(kind: Callable[..., nn.RNNBase], gates: int) -> None:
    graph = trace(kind(5, 7, num_layers=2, batch_first=True), (6, 5))
    named = [(graph.names[step.layer], step.recurrent) for step in graph.weighted]
    assert named == [
        ("weight_ih_l0", False), ("weight_hh_l0", True), ("weight_ih_l1", False), ("weight_hh_l1", True)
    ]  # fmt: skip
    assert not graph.unresolved
    merge = next(step for step in graph.steps if isinstance(step, Junction) and step.parts[0].put is not None)
    assert merge.parts[0].put is not None
    np.testing.assert_array_equal(merge.parts[0].put, np.tile(np.arange(7), gates))
    assert graph.units[graph.outputs[0]] == 7


def test_projected_lstm_and_both_directions_have_their_units() -> None:
    both = nn.LSTM(5, 8, num_layers=2, proj_size=3, bidirectional=True, batch_first=True)
    graph = trace(both, (6, 5))
    assert set(graph.names) == set(prunable(both))
    assert not graph.unresolved
    assert graph.units[graph.outputs[0]] == 6
    assert [use.positions for use in graph.uses.values()] == [6] * 12


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_a_cell_in_a_loop_is_unrolled_by_the_loop(kind: type[nn.RNNCellBase]) -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = kind(3, 4)  # type: ignore[call-arg]

        def forward(self, x: Tensor) -> Tensor:
            state = None
            for step in range(x.shape[1]):
                state = self.cell(x[:, step], state)
            assert state is not None
            out: Tensor = state[0] if isinstance(state, tuple) else state
            return out

    graph = trace(Loop(), (5, 3))
    assert [step.recurrent for step in graph.weighted] == [False, *[False, True] * 4]
    assert [use.positions for use in graph.uses.values()] == [5, 5]


def test_attention_joins_queries_and_keys_to_the_outputs_of_their_head() -> None:
    module = nn.MultiheadAttention(6, 2, batch_first=True)

    class Self(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = module

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.attention(x, x, x, need_weights=False)[0]
            return out

    graph = trace(Self(), (4, 6))
    assert not graph.unresolved
    projection, output = graph.weighted
    assert graph.units[projection.out] == 18
    before = {step.out: step for step in graph.steps}
    mixed = before[output.source]
    assert isinstance(mixed, Junction) and mixed.is_product
    values, pattern = mixed.parts
    assert graph.units[values.source] == 6 and graph.units[pattern.source] == 2
    assert pattern.take is not None
    np.testing.assert_array_equal(pattern.take, [0, 0, 0, 1, 1, 1])


def test_cross_attention_uses_one_weight_for_three_inputs() -> None:
    class Cross(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(3, 6), nn.Linear(3, 6)
            self.attention = nn.MultiheadAttention(6, 3, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            right = self.right(x)
            out, weights = self.attention(self.left(x), right, right, average_attn_weights=False)
            assert weights.shape == (x.shape[0], 3, 4, 4)
            result: Tensor = out
            return result

    graph = trace(Cross(), (4, 3))
    layer = graph.names.index("attention.in_proj_weight")
    assert len([step for step in graph.weighted if step.layer == layer]) == 2


def test_identity_skips_are_found_and_projections_and_gates_are_none() -> None:
    graph = trace(Projected(), (2, 2, 2))
    junctions = [(n, step) for n, step in enumerate(graph.steps) if isinstance(step, Junction)]
    (first, _), (second, _), (third, last) = [(n, step) for n, step in junctions if step.is_sum]
    ((padding, padded),) = [(n, step) for n, step in junctions if not step.is_sum]
    assert last.parts[1].source == padded.out
    # in the order of the parts: x + third(x), fourth(x) + pad(x), and the padding, which leads to nothing but the skip
    assert identity_skips(graph) == {(second, 0), (third, 1), (padding, 0)}
    assert first not in {number for number, _ in identity_skips(graph)}  # second(first(x)) + project(x)
    assert not identity_skips(trace(Gated(), (2, 4, 4)))


@pytest.mark.parametrize("net", sorted(NETS))
def test_every_prunable_weight_of_the_test_networks_is_wired(net: str) -> None:
    module = make(net)
    graph = trace(module, NETS[net][1])
    assert set(prunable(module)) <= set(graph.uses)
    assert not graph.unresolved


def test_an_operation_that_is_not_resolved_is_named() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.pair = nn.Linear(3, 4), nn.Bilinear(4, 4, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = self.first(x)
            out: Tensor = self.pair(x, x)
            return out

    assert trace(Pair(), (3,)).unresolved == ("pair.weight",)


def test_a_wrong_shape_is_one_clear_line() -> None:
    with pytest.raises(PruningError, match=r"input of '0.weight' must have 3 channels; got 2") as info:
        trace(make("plain"), (2, 8, 8))
    assert "\n" not in str(info.value)


def test_the_graph_cannot_be_changed() -> None:
    graph = trace(make("plain"), (3, 8, 8))
    with pytest.raises(TypeError):
        graph.uses["x"] = None  # type: ignore[index]
    with pytest.raises(AttributeError):
        graph.outputs = ()  # type: ignore[misc]
