"""A compacted network answers what the masked one answers, and is as small as its wiring lets it be."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from pruning import Evidence, MaskSet, PruningError, Sparsity, prunable, prune
from pruning.compaction import Compaction, CSRLinear, Plan, compact, interleaved, shrink_, sparse_where_faster
from search_spaces import NETWORKS, SPACES, Architecture, Signature
from search_spaces.convnet import ConvNet
from tests.pruning.graph_nets import WIRED, wired
from tests.pruning.nets import NETS, evidence, make
from tests.pruning.reference_nets import reference
from tests.pruning.test_contract_networks import randomness, state

METHODS = (("random", "erk"), ("random", "uniform"), ("magnitude", "global"), ("synflow", "global"), ("phew", "global"))
CONVNETS = ConvNet("tiny", depths=(1, 2), widths=(4, 6, 8), kernels=(3, 5))


def shaken(module: nn.Module, seed: int) -> nn.Module:
    """Return a copy with norms and biases as training might leave them: constants are zero no longer."""
    module, generator = copy.deepcopy(module), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, _BatchNorm):
                assert part.running_mean is not None and part.running_var is not None
                part.running_mean.normal_(0.0, 0.3, generator=generator)
                part.running_var.uniform_(0.5, 2.0, generator=generator)
                part.weight.normal_(1.0, 0.3, generator=generator)
        for name, parameter in module.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0.0, 0.3, generator=generator)
    return module


@torch.no_grad()
def masked_output(module: nn.Module, masks: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
    """The plain way: every weight times its mask."""
    plain = copy.deepcopy(module).eval()
    for name, mask in masks.items():
        plain.get_parameter(name).mul_(mask)
    out: Tensor = plain(inputs)
    return out


@torch.no_grad()
def assert_equal(module: nn.Module, masks: MaskSet, shape: tuple[int, ...], batch: int = 3) -> Compaction:
    before, drawn = state(module), randomness()
    found = compact(module, masks, shape)
    assert state(module) == before and randomness() == drawn
    inputs = 2.0 * torch.randn(batch, *shape, generator=torch.Generator().manual_seed(7))
    expected = masked_output(module, masks, inputs.to(next(module.parameters()).dtype))
    torch.testing.assert_close(found.module(inputs.to(expected.dtype)), expected, rtol=1e-5, atol=1e-5)
    own = prunable(found.module)
    assert {name: mask.shape for name, mask in found.masks.items()} == {n: w.shape for n, w in own.items()}
    assert all(not bool(weight[~found.masks[name]].any()) for name, weight in own.items())
    assert found.masks.kept <= masks.kept and found.masks.total <= masks.total
    return found


@pytest.mark.parametrize("network", sorted(NETWORKS))
@settings(max_examples=2, deadline=None)
@given(choice=st.sampled_from(METHODS), density=st.sampled_from((0.02, 0.05, 0.15, 0.4)), seed=st.integers(0, 99))
def test_reference_networks_answer_the_same(network: str, choice: tuple[str, str], density: float, seed: int) -> None:
    module, signature = reference(network)
    module = shaken(module, seed)
    weights = prunable(module)
    least = 3 * len(weights) / sum(weight.numel() for weight in weights.values())
    shape, generator = signature.input_shape, torch.Generator().manual_seed(seed)
    masks = prune(module, Sparsity(choice[0], max(density, least), choice[1]), Evidence(shape, generator))
    assert_equal(module, masks, shape)


@settings(max_examples=25, deadline=None)
@given(data=st.data(), choice=st.sampled_from(METHODS), density=st.sampled_from((0.05, 0.1, 0.3)))
def test_candidates_answer_the_same(data: st.DataObject, choice: tuple[str, str], density: float) -> None:
    genes = tuple(data.draw(st.integers(0, len(c.values) - 1), label=c.name) for c in CONVNETS.choices)
    seed = data.draw(st.integers(0, 99), label="seed")
    signature, generator = Signature((2, 10, 10), 3), torch.Generator().manual_seed(seed)
    architecture = Architecture("tiny", genes)
    module = shaken(CONVNETS.build(architecture, signature, generator=generator), seed)
    masks = prune(module, Sparsity(choice[0], density, choice[1]), Evidence(signature.input_shape, generator))
    found = assert_equal(module, masks, signature.input_shape)
    plan = Plan.from_json(json.loads(json.dumps(found.plan.to_json())))
    again = shrink_(CONVNETS.skeleton(architecture, signature), plan)
    again.to_empty(device="cpu").load_state_dict(found.module.state_dict())
    inputs = torch.randn(2, *signature.input_shape, generator=generator)
    assert torch.equal(again.eval()(inputs), found.module(inputs))


@pytest.mark.parametrize("cell", [(1, 1, 1, 1, 1, 1), (3, 2, 0, 1, 4, 3), (2, 3, 4, 0, 2, 3)])
def test_cells_answer_the_same(cell: tuple[int, ...]) -> None:
    space, signature = SPACES["cell"], Signature((3, 8, 8), 4)
    generator = torch.Generator().manual_seed(0)
    module = shaken(space.build(Architecture("cell", cell), signature, generator=generator), 1)
    masks = prune(module, Sparsity("random", 0.02, "erk"), Evidence(signature.input_shape, generator))
    assert_equal(module, masks, signature.input_shape)


@pytest.mark.parametrize("density", [0.15, 0.4])
@pytest.mark.parametrize("name", sorted(NETS))
def test_every_kind_of_layer_answers_the_same(name: str, density: float) -> None:
    module = shaken(make(name), 3)
    assert_equal(module, prune(module, Sparsity("random", density), evidence(name)), NETS[name][1])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", sorted(WIRED))
def test_every_kind_of_wiring_answers_the_same(name: str, seed: int) -> None:
    module, shape = wired(name, seed), WIRED[name][1]
    generator = torch.Generator().manual_seed(seed)
    masks = prune(module, Sparsity("random", 0.3), Evidence(shape, generator))
    assert_equal(module, masks, shape)


def test_a_chain_by_hand() -> None:
    """Unit 0 lives; unit 1 has no way in, and is relu(0.5) for unit 0's reader; unit 2 has no way out."""
    first, second, third = nn.Linear(2, 3), nn.Linear(3, 2), nn.Linear(2, 1)
    module = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0, 2.0], [9.0, 9.0], [1.0, 1.0]]))
        first.bias.copy_(torch.tensor([0.0, 0.5, 0.0]))
        second.weight.copy_(torch.tensor([[3.0, 4.0, 9.0], [9.0, 2.0, 9.0]]))
        second.bias.copy_(torch.tensor([1.0, 0.25]))
        third.weight.copy_(torch.tensor([[1.0, 2.0]]))
        third.bias.copy_(torch.tensor([7.0]))
    masks = MaskSet(
        {
            "0.weight": torch.tensor([[True, True], [False, False], [True, True]]),
            "2.weight": torch.tensor([[True, True, False], [False, True, False]]),
            "4.weight": torch.tensor([[True, True]]),
        }
    )
    found = assert_equal(module, masks, (2,))
    weights = dict(found.module.named_parameters())
    assert weights["0.weight"].tolist() == [[1.0, 2.0]] and weights["0.bias"].tolist() == [0.0]
    assert weights["2.weight"].tolist() == [[3.0]] and weights["2.bias"].tolist() == [1.0 + 4.0 * 0.5]
    assert weights["4.weight"].tolist() == [[1.0]] and weights["4.bias"].tolist() == [7.0 + 2.0 * (0.25 + 2.0 * 0.5)]
    assert (found.folded, found.uneven) == (2, 0)
    assert [(w.inputs, w.outputs) for w in found.widths] == [(2, 1), (1, 1), (1, 1)]


def bordered(kernel: int, padding: int, shift: float) -> tuple[nn.Module, MaskSet]:
    """Convolution, norm, ReLU, convolution; the first one's unit 1 has lost its weights and is relu(shift)."""
    norm = nn.BatchNorm2d(3)
    module = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1, bias=False),
        norm,
        nn.ReLU(),
        nn.Conv2d(3, 2, kernel, padding=padding, bias=False),
    ).eval()
    with torch.no_grad():
        norm.bias.fill_(shift)
    masks = {name: torch.ones(weight.shape, dtype=torch.bool) for name, weight in prunable(module).items()}
    masks["0.weight"][1] = False
    return module, MaskSet(masks)


@pytest.mark.parametrize(
    ("kernel", "padding", "shift", "width", "uneven"),
    [(3, 1, 0.5, 3, 1), (3, 1, -0.5, 2, 0), (3, 0, 0.5, 2, 0), (1, 0, 0.5, 2, 0)],
    ids=["padded", "padded but zero", "not padded", "1x1"],
)
def test_a_constant_stays_where_the_border_shows_it(
    kernel: int, padding: int, shift: float, width: int, uneven: int
) -> None:
    module, masks = bordered(kernel, padding, shift)
    found = assert_equal(module, masks, (1, 5, 5))
    assert (found.widths[0].outputs, found.uneven, found.folded) == (width, uneven, 3 - width)
    assert (found.module.get_submodule("3").bias is not None) == (shift > 0 and width == 2)


def test_reflected_borders_show_no_constant() -> None:
    module, masks = bordered(3, 1, 0.5)
    module[3].padding_mode = "reflect"  # type: ignore[index]
    module[3]._reversed_padding_repeated_twice = [1, 1, 1, 1]  # type: ignore[index]
    assert assert_equal(module, masks, (1, 5, 5)).widths[0].outputs == 2


class Summed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head = nn.Linear(3, 4, bias=False), nn.Linear(3, 4, bias=False), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.a(x) + self.b(x))
        return out


def test_a_sum_loses_a_unit_only_if_all_summands_do() -> None:
    module = Summed()
    masks = {name: torch.ones(weight.shape, dtype=torch.bool) for name, weight in prunable(module).items()}
    masks["a.weight"][:2] = False
    masks["b.weight"][1:3] = False
    found = assert_equal(module, MaskSet(masks), (3,))
    assert found.plan.layers["a"].outputs == (0, 2, 3) == found.plan.layers["head"].inputs


def test_groups_go_as_wholes() -> None:
    """Of three groups of two channels, one loses both (and goes), one a single channel (and stays)."""
    module = nn.Sequential(nn.Conv2d(1, 6, 1), nn.Conv2d(6, 6, 3, groups=3), nn.Flatten(), nn.Linear(6 * 9, 2))
    masks = {name: torch.ones(weight.shape, dtype=torch.bool) for name, weight in prunable(module).items()}
    masks["3.weight"].view(2, 6, 9)[:, [0, 2, 3]] = False
    found = assert_equal(module, MaskSet(masks), (1, 5, 5))
    assert (found.plan.layers["1"].outputs, found.plan.layers["1"].groups) == ((0, 1, 4, 5), 2)
    assert found.plan.layers["3"].inputs == tuple(n for c in (0, 1, 4, 5) for n in range(9 * c, 9 * c + 9))


def test_depthwise_channels_go_with_their_filters() -> None:
    module = shaken(make("separable"), 0)
    masks = {name: torch.ones(weight.shape, dtype=torch.bool) for name, weight in prunable(module).items()}
    masks["1.weight"][3] = False  # nothing passes the filter: what is before it is of no use, what is after a constant
    found = assert_equal(module, MaskSet(masks), NETS["separable"][1])
    assert found.widths[0].outputs == 8  # its reader is a grouped convolution that group norm pins
    assert found.widths[0].stays == found.widths[1].stays == "group_norm needs all its units"


def test_layer_norm_keeps_what_it_divides_by() -> None:
    module = nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    masks = {name: torch.ones(weight.shape, dtype=torch.bool) for name, weight in prunable(module).items()}
    masks["0.weight"][2] = False  # constant before the norm, not after it
    masks["3.weight"][:, 1] = False  # of no use after the norm, but in it
    masks["3.weight"][3] = False
    found = assert_equal(module, MaskSet(masks), (3,))
    assert [(w.inputs, w.outputs) for w in found.widths] == [(3, 5), (5, 3), (3, 2)]


def test_lenet_keeps_exactly_what_lies_on_a_way() -> None:
    """Counted by products of the masks; inputs and classes stay."""
    module, signature = reference("lenet_300_100")
    masks = prune(module, Sparsity("random", 0.01, "uniform"), Evidence((1, 28, 28), torch.Generator().manual_seed(0)))
    found = assert_equal(shaken(module, 0), masks, signature.input_shape)
    first, second, third = (mask.double() for mask in masks.values())
    ways_in, ways_out = first.sum(1), second.T @ third.sum(0)
    assert found.widths[0].outputs == int(((ways_in > 0) & (ways_out > 0)).sum()) < 200
    ways_in, ways_out = second @ ways_in, third.sum(0)
    assert found.widths[1].outputs == int(((ways_in > 0) & (ways_out > 0)).sum()) < 100
    assert (found.widths[0].inputs, found.widths[2].outputs) == (784, 10)


def test_a_network_that_is_cut_through_is_said_to_be() -> None:
    module, signature = reference("lenet_300_100")
    masks = prune(module, Sparsity("random", 0.1), Evidence((1, 28, 28), torch.Generator().manual_seed(0)))
    assert compact(module, masks, signature.input_shape).connected
    cut = {**masks, "fc2.weight": torch.zeros(100, 300, dtype=torch.bool)}
    found = assert_equal(shaken(module, 0), MaskSet(cut), signature.input_shape)
    assert not found.connected
    assert [(width.inputs, width.outputs) for width in found.widths] == [(784, 1), (1, 1), (1, 10)]


class Numbered(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 4, 1), nn.Linear(36, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(functional.relu(self.conv(x)).view(-1, 36))
        return out


def test_a_width_named_in_the_forward_is_refused() -> None:
    module = Numbered()
    masks = {name: torch.ones(weight.shape, dtype=torch.bool) for name, weight in prunable(module).items()}
    masks["conv.weight"][0] = False
    with pytest.raises(PruningError, match=r"must run on inputs .* Its forward may name widths as numbers"):
        compact(module, MaskSet(masks), (1, 3, 3))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "a plan must list the kept units"),
        ({"layers": {}, "norms": {"1": [2, 1]}}, "must be ascending"),
        ({"layers": {}, "norms": {"7": [0]}}, "got no such module where it cuts '7'"),
        ({"layers": {}, "norms": {"1": [0, 5]}}, "got a BatchNorm2d where it cuts '1'"),
        ({"layers": {"1": {"inputs": [0], "outputs": [0], "groups": 1, "bias": False}}, "norms": {}}, "a BatchNorm2d"),
        ({"layers": {"0": {"inputs": [9], "outputs": [0], "groups": 1, "bias": False}}, "norms": {}}, "1 inputs and 3"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(data: dict[str, object], words: str) -> None:
    with pytest.raises(PruningError, match=words):
        shrink_(bordered(3, 1, 0.5)[0], Plan.from_json(data))


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5)])
def test_csr_is_the_same_map(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(7, 5, generator=generator), torch.randn(7, generator=generator)
    mask = torch.rand(7, 5, generator=generator) < 0.4
    mask[2] = False
    inputs = torch.randn(shape, generator=generator)
    expected = functional.linear(inputs, weight * mask, bias)
    torch.testing.assert_close(CSRLinear(weight, mask, bias)(inputs), expected)
    torch.testing.assert_close(CSRLinear(weight, mask)(inputs), functional.linear(inputs, weight * mask))


def test_csr_is_taken_where_its_timing_says_so() -> None:
    module, _ = reference("lenet_300_100")
    masks = prune(module, Sparsity("random", 0.02), Evidence((1, 28, 28), torch.Generator().manual_seed(0)))
    small = compact(module, masks, (1, 28, 28))
    inputs = torch.randn(16, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    before = state(small.module)
    fast, timings = sparse_where_faster(small.module, small.masks, inputs)
    assert state(small.module) == before
    torch.testing.assert_close(fast(inputs), small.module(inputs), rtol=1e-5, atol=1e-5)
    assert [timing.name for timing in timings] == ["fc1", "fc2", "fc3"]
    for timing in timings:
        assert timing.sparse == (timing.ratio > 1 / 0.9) == isinstance(fast.get_submodule(timing.name), CSRLinear)
        assert (timing.rows, timing.shape) == (16, tuple(small.masks[f"{timing.name}.weight"].shape))


def test_timings_are_medians_of_rounds() -> None:
    """A clock that the calls themselves turn: 'slow' takes 3, then 1, then 2."""
    now, slow = [0.0], iter((0.0, 3.0, 1.0, 2.0))

    def turn(seconds: float) -> None:
        now[0] += seconds

    ways = {"slow": lambda: turn(next(slow)), "fast": lambda: turn(0.5)}
    assert interleaved(ways, least=3, seconds=0.0, clock=lambda: now[0]) == {"slow": 2.0, "fast": 0.5}
