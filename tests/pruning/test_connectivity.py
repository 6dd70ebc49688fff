"""Paths, the path kernel's trace, effective weights and dead units against enumeration, path by path."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from pruning import Evidence, MaskSet, PruningError, Sparsity, prunable, prune
from pruning.diagnostics import Connectivity, connectivity, diagnose
from tests.pruning.graph_nets import WIRED, wired
from tests.pruning.nets import NETS, evidence, make

Entry = tuple[str, int]


def chain() -> nn.Module:
    """Two convolutions with kernels and a linear layer behind a global mean; 2-3-2-2 units."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        return nn.Sequential(
            nn.Conv2d(2, 3, (1, 2)), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 2), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2),
        )  # fmt: skip


def some_masks(module: nn.Module, density: float, seed: int = 0) -> MaskSet:
    generator = torch.Generator().manual_seed(seed)
    return MaskSet({n: torch.rand(w.shape, generator=generator) < density for n, w in prunable(module).items()})


def enumerated(module: nn.Module, masks: MaskSet) -> Iterator[list[Entry]]:
    """Every path of a chain: units and, in each layer, one kernel position between them, all kept."""
    weights = prunable(module)
    widths = [next(iter(weights.values())).shape[1], *(weight.shape[0] for weight in weights.values())]
    for units in itertools.product(*map(range, widths)):
        kernels = [range(weight[0, 0].numel()) for weight in weights.values()]
        for places in itertools.product(*kernels):
            path = []
            for (name, weight), source, out, place in zip(weights.items(), units, units[1:], places, strict=False):
                path.append((name, (out * weight.shape[1] + source) * weight[0, 0].numel() + place))
            if all(bool(masks[name].flatten()[entry]) for name, entry in path):
                yield path


@pytest.mark.parametrize("density", [0.35, 0.6, 1.0])
def test_everything_against_enumeration_of_the_paths_of_a_chain(density: float) -> None:
    module = chain()
    masks = some_masks(module, density)
    squares = {name: weight.detach().double().flatten().square() for name, weight in prunable(module).items()}
    paths = list(enumerated(module, masks))
    trace = sum(
        math.prod(float(squares[name][entry]) for name, entry in path[:i] + path[i + 1 :])
        for path in paths
        for i in range(len(path))
    )
    on_ways = {entry for path in paths for entry in path}
    found = connectivity(module, masks, (2, 5, 5))
    assert len(paths) > 3
    assert found.log10_paths == pytest.approx(math.log10(len(paths)), abs=1e-12)
    assert found.log10_kernel_trace == pytest.approx(math.log10(trace), abs=1e-12)
    assert found.effective == len(on_ways)
    for layer in found.layers:
        shape, own = layer.shape, [entry for name, entry in on_ways if name == layer.name]
        taps = math.prod(shape[2:])
        assert layer.effective == len(own)
        assert layer.dead_outputs == shape[0] - len({entry // (shape[1] * taps) for entry in own})
        assert layer.dead_inputs == shape[1] - len({entry // taps % shape[1] for entry in own})


@pytest.mark.parametrize("name", sorted(set(WIRED) - {"flat"}))
def test_branches_against_what_the_network_itself_computes(name: str) -> None:
    """Oracle: with squared weights a linear network computes R on ones; its gradients add up to the trace."""
    module, shape = wired(name), WIRED[name][1]
    masks = some_masks(module, 0.8)
    found = connectivity(module, masks, shape)
    ones = torch.ones(1, *shape, dtype=torch.float64)
    with torch.no_grad():
        for key, weight in prunable(module).items():
            weight.square_().mul_(masks[key])
    gradients = torch.autograd.grad(module(ones).sum(), list(prunable(module).values()))
    kept = [(gradient * masks[key]).sum() for key, gradient in zip(prunable(module), gradients, strict=True)]
    assert found.log10_kernel_trace == pytest.approx(math.log10(float(torch.stack(kept).sum())), abs=1e-12)
    live = [int(((gradient * masks[key]) > 0).sum()) for key, gradient in zip(prunable(module), gradients, strict=True)]
    assert [layer.effective for layer in found.layers] == live
    with torch.no_grad():
        for key, weight in prunable(module).items():
            weight.copy_(masks[key])
        count = float(module(ones).sum())
    assert found.log10_paths == pytest.approx(math.log10(count), abs=1e-12)


def test_groups_keep_to_their_units() -> None:
    module = nn.Sequential(nn.Conv2d(2, 4, 1), nn.Conv2d(4, 4, 1, groups=2), nn.Flatten(), nn.Linear(4, 2))
    masks = {name: torch.zeros(weight.shape, dtype=torch.bool) for name, weight in prunable(module).items()}
    masks["0.weight"][0, 0] = masks["0.weight"][3, 1] = True
    masks["1.weight"][1, 0] = masks["1.weight"][3, 0] = True  # reads units 0 and 2: the first is fed, the second not
    masks["3.weight"][1] = True
    first, grouped, last = connectivity(module, masks, (2, 1, 1)).layers
    assert (first.effective, grouped.effective, last.effective) == (1, 1, 1)
    assert (first.dead_inputs, first.dead_outputs) == (1, 3)
    assert (grouped.inputs, grouped.outputs, grouped.dead_inputs, grouped.dead_outputs) == (4, 4, 3, 3)
    assert (last.dead_inputs, last.dead_outputs) == (3, 1)


def test_a_weight_used_twice_is_effective_where_either_use_is() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.middle, self.head = nn.Linear(2, 2, bias=False), nn.Linear(2, 1, bias=False)

        def forward(self, inputs: Tensor) -> Tensor:
            out: Tensor = self.head(self.middle(self.middle(inputs)))
            return out

    masks = {"middle.weight": torch.tensor([[True, False], [True, False]]), "head.weight": torch.tensor([[True, True]])}
    module = Twice()
    found = connectivity(module, masks, (2,))
    assert [layer.effective for layer in found.layers] == [2, 2]
    assert found.log10_paths == pytest.approx(math.log10(2))  # 0-0-0 and 0-0-1
    (a, _), (b, _) = prunable(module)["middle.weight"].detach().double().square().tolist()
    c, d = prunable(module)["head.weight"].detach().double().square()[0].tolist()
    by_hand = (a * c + a * c + a * a) + (b * d + a * d + a * b)  # the two uses as two weights
    assert found.log10_kernel_trace == pytest.approx(math.log10(by_hand), abs=1e-6)


def test_depth_neither_overflows_nor_underflows() -> None:
    deep = nn.Sequential(*(nn.Linear(20, 20, bias=False) for _ in range(400)))
    with torch.no_grad():
        for weight in deep.parameters():
            weight.fill_(1e-4)
    masks = some_masks(deep, 1.1)
    found = connectivity(deep, masks, (20,))
    assert found.effective == masks.total
    assert found.log10_paths == pytest.approx(401 * math.log10(20))
    expected = math.log10(400) + 401 * math.log10(20) - 8 * 399
    assert found.log10_kernel_trace == pytest.approx(expected)


def test_without_a_path_nothing_is_effective() -> None:
    module = make("residual")
    masks = {name: torch.ones(weight.shape, dtype=torch.bool) for name, weight in prunable(module).items()}
    masks["stem.weight"][:] = False
    found = connectivity(module, masks, (3, 8, 8))
    assert found.effective == 0 == found.effective_density
    assert found.log10_paths == found.log10_kernel_trace == -math.inf
    assert all(layer.dead_outputs == layer.outputs for layer in found.layers)


def test_multiply_adds_of_convolutions_by_hand() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, stride=2, padding=1))
    masks = some_masks(module, 0.5)
    first, second = connectivity(module, masks, (1, 6, 6)).layers
    assert (first.multiply_adds, first.dense_multiply_adds) == (36 * int(masks["0.weight"].sum()), 36 * 18)
    assert (second.multiply_adds, second.dense_multiply_adds) == (9 * int(masks["1.weight"].sum()), 9 * 36)


@pytest.mark.parametrize("net", sorted(NETS))
def test_synflow_and_graph_agree_on_what_is_effective(net: str) -> None:
    """A kept weight off every way has no flow; recurrent gates and attention bend the flow, so not there."""
    if net in ("gru", "attention"):
        return
    from pruning.methods.synflow import synflow

    module, given = make(net), evidence(net)
    masks = prune(module, Sparsity("random", 0.25), given)
    flows = synflow(module, given)(masks)
    found = connectivity(module, masks, given.input_shape)
    assert [layer.effective for layer in found.layers] == [int((flows[name] > 0).sum()) for name in masks]


class Multiplied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Bilinear(3, 3, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.first(inputs)
        out: Tensor = self.second(hidden, hidden)
        return out


def test_what_is_not_traced_is_named_and_counts_as_effective() -> None:
    module = Multiplied()
    found = connectivity(module, some_masks(module, 0.5), (3,))
    assert found.untraced == ("second.weight",)
    assert found.layers[1].effective == found.layers[1].kept


def test_a_network_that_cannot_be_traced_or_run_is_diagnosed_as_far_as_it_goes() -> None:
    class Stubborn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, inputs: Tensor) -> Tensor:
            if float(inputs.detach().sum()) > 1e9:  # depends on values
                return inputs
            out: Tensor = self.layer(inputs)
            return out

    module = Stubborn()
    masks = prune(module, Sparsity("random", 0.5), Evidence((3,), torch.Generator()))
    found = diagnose(module, masks, (3,), torch.randn(2, 3))
    assert found.connectivity is None and found.absent["connectivity"]
    assert found.isometry is not None and found.jacobian is not None and found.requested == 0.5
    assert diagnose(module, masks, (3,)).absent["jacobian"] == "no inputs were given"


def test_measuring_changes_nothing() -> None:
    module, given = make("residual"), evidence("residual")
    before = [(p._version, p.detach().clone()) for p in module.parameters()]
    masks = prune(module, Sparsity("random", 0.5), given)
    first: Connectivity = connectivity(module, masks, given.input_shape)
    assert first == connectivity(module, masks, given.input_shape)
    assert all(v == p._version and torch.equal(p, q) for p, (v, q) in zip(module.parameters(), before, strict=True))


def test_masks_of_another_network_are_refused() -> None:
    with pytest.raises(PruningError, match="every prunable weight must have a mask"):
        connectivity(make("residual"), some_masks(make("plain"), 0.5), (3, 8, 8))
