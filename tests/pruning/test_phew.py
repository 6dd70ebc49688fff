"""PHEW against a plain sequential walker, against the probabilities it promises, and on whole networks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

import pytest
import torch
from scipy.stats import binomtest, chisquare
from torch import Tensor, nn

from pruning import Evidence, PruningError, Sparsity, prunable, prune
from pruning.graph import trace
from pruning.methods.phew import phew
from pruning.methods.synflow import synflow
from pruning.walks import Walker, edges_of, fill, union_of_walks
from search_spaces import NETWORKS
from tests.pruning.graph_nets import WIRED, Gated, wired
from tests.pruning.nets import NETS, evidence, make
from tests.pruning.plain_walks import PlainWalker

FALSE_ALARM = 1e-6
"""Probability with which a right program would fail each statistical test, had its seed not been fixed."""

CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    **{name: (partial(wired, name), shape) for name, (_, shape) in WIRED.items()},
    **{name: (partial(make, name), shape) for name, (_, shape) in NETS.items()},
    "gated": (Gated, (2, 4, 4)),
}
every_case = pytest.mark.parametrize("name", sorted(CASES))


def walker_of(module: nn.Module, shape: tuple[int, ...], skip: float = 0.0) -> Walker:
    graph = trace(module, shape)
    return Walker(graph, edges_of(graph, prunable(module)), skip)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def flat(masks: dict[str, Tensor]) -> Tensor:
    return torch.cat([mask.flatten() for mask in masks.values()])


@every_case
@pytest.mark.parametrize("skip", [0.0, 0.3])
def test_walks_are_those_of_a_plain_walker(name: str, skip: float) -> None:
    """Same uniform numbers, same edges, walk by walk; a probability on the edge of two outcomes has measure 1e-10."""
    make_net, shape = CASES[name]
    module = make_net()
    walker = walker_of(module, shape, skip)
    plain = PlainWalker(trace(module, shape), module, skip)
    assert walker.columns == plain.columns
    rows = torch.rand(60, walker.columns, generator=seeded(), dtype=torch.float64)
    for first in (0, 7):
        walks = walker.walk(first, rows)
        for number, (found, row) in enumerate(zip(walks.tolist(), rows.tolist(), strict=True), start=first):
            expected = plain.walk(number, row)
            assert sorted(edge for edge in found if edge >= 0) == sorted(expected)
            assert len(expected) > 1


@every_case
@pytest.mark.parametrize("share", [0.15, 0.4])
def test_the_union_is_that_of_a_plain_walker_for_any_block(name: str, share: float) -> None:
    make_net, shape = CASES[name]
    module = make_net()
    walker, plain = walker_of(module, shape), PlainWalker(trace(module, shape), module)
    kept = max(round(share * plain.total), len(prunable(module)) + 4)
    rows = torch.rand(3000, walker.columns, generator=seeded(3), dtype=torch.float64)
    expected, walks = plain.union(kept, rows.tolist())
    for block in (1, 5, 64, 8192):
        union = union_of_walks(walker, kept, plain.total, 3000, seeded(3), block)
        assert union.walks == walks
        assert union.kept.nonzero().flatten().tolist() == sorted(expected)
        assert union.count == len(expected)


@pytest.mark.parametrize("net", sorted(NETS))
def test_the_mask_does_not_depend_on_the_block(net: str) -> None:
    module = make(net)
    kept = round(0.3 * sum(weight.numel() for weight in prunable(module).values()))
    masks = [flat(phew(module, evidence(net), kept, block=block)) for block in (1, 33, 4096)]
    assert torch.equal(masks[0], masks[1]) and torch.equal(masks[0], masks[2])


def test_hops_are_drawn_in_proportion_to_the_weights() -> None:
    """Chi-square of the edges of forward and of reverse walks, by 4-d weight, in each layer of a small network."""
    module = wired_like(
        nn.Sequential(
            nn.Conv2d(2, 4, (2, 3), padding=1), nn.Conv2d(4, 6, 1, groups=2), nn.Flatten(), nn.Linear(6 * 20, 2)
        )
    )
    walker = walker_of(module, (2, 4, 4))
    walks = walker.walk(0, torch.rand(40_000, walker.columns, generator=seeded(1), dtype=torch.float64))
    first, second, last = (weight.detach().double().abs() for weight in prunable(module).values())
    uniform = torch.full((2,), 0.5, dtype=torch.float64)
    forward = uniform[None, :, None, None] * first / first.sum((0, 2, 3), keepdim=True)
    check(walks[0::2, 0], forward, start=0)
    at_first = forward.sum((1, 2, 3))
    check(walks[0::2, 1], grouped(second, at_first), start=first.numel())
    backward = uniform[:, None] * last / last.sum(1, keepdim=True)
    check(walks[1::2, 2], backward, start=first.numel() + second.numel(), least=5.0)
    at_last = backward.view(2, 6, 20).sum((0, 2))  # positions of one channel come from one unit
    reverse = at_last[:, None, None, None] * second / second.sum((1, 2, 3), keepdim=True)
    check(walks[1::2, 1], reverse, start=first.numel())


def wired_like(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for number, weight in enumerate(prunable(module).values()):
            weight.copy_(torch.randn(weight.shape, generator=seeded(number)))
    return module


def grouped(weight: Tensor, arriving: Tensor) -> Tensor:
    """Probabilities of the edges (6, 2, 1, 1) of two groups that forward walkers meet."""
    result = torch.zeros_like(weight)
    for group in range(2):
        rows, columns = slice(3 * group, 3 * group + 3), slice(2 * group, 2 * group + 2)
        part = weight[rows]
        result[rows] = arriving[columns][None, :, None, None] * part / part.sum((0, 2, 3), keepdim=True)
    return result


def check(found: Tensor, chances: Tensor, *, start: int, least: float = 0.0) -> None:
    counts = torch.bincount(found - start, minlength=chances.numel()).double()
    expected = chances.flatten() * len(found)
    assert float(expected.sum()) == pytest.approx(len(found))
    rare = expected < max(least, 5.0)  # rare edges are counted together
    observed = torch.cat([counts[~rare], counts[rare].sum()[None]])
    wanted = torch.cat([expected[~rare], expected[rare].sum()[None]])
    if wanted[-1] < 5.0:
        observed, wanted = observed[:-1], wanted[:-1] * (observed[:-1].sum() / wanted[:-1].sum())
    assert chisquare(observed.numpy(), wanted.numpy()).pvalue > FALSE_ALARM


def test_starts_take_turns_and_directions_alternate() -> None:
    module = nn.Sequential(nn.Linear(3, 5, bias=False), nn.Linear(5, 4, bias=False))
    walker = walker_of(module, (3,))
    walks = walker.walk(0, torch.rand(24, walker.columns, generator=seeded(), dtype=torch.float64))
    assert (walks[0::2, 0] % 3).tolist() == [0, 1, 2] * 4
    assert ((walks[1::2, 1] - 15) // 5).tolist() == [0, 1, 2, 3] * 3


@pytest.mark.parametrize("parity", [0, 1], ids=["forward", "reverse"])
def test_projection_and_residual_branch_are_taken_equally_often(parity: int) -> None:
    module = make("residual")
    walker = walker_of(module, (3, 8, 8))
    walks = walker.walk(0, torch.rand(20_000, walker.columns, generator=seeded(2), dtype=torch.float64))[parity::2]
    names = trace(module, (3, 8, 8)).names
    column = {names[layer]: place for place, layer in enumerate(walker.layers)}
    passed = {name: walks[:, place] >= 0 for name, place in column.items()}
    assert passed["stem.weight"].all() and passed["head.weight"].all()
    assert torch.equal(passed["inner.weight"], passed["outer.weight"])
    assert torch.equal(passed["inner.weight"], ~passed["shortcut.weight"])
    assert binomtest(int(passed["shortcut.weight"].sum()), len(walks), 0.5).pvalue > FALSE_ALARM


@pytest.mark.parametrize("skip", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("parity", [0, 1], ids=["forward", "reverse"])
def test_identity_branches_are_taken_with_the_probability_asked_for(skip: float, parity: int) -> None:
    walker = walker_of(wired("projected"), (2, 2, 2), skip)
    walks = walker.walk(0, torch.rand(20_000, walker.columns, generator=seeded(2), dtype=torch.float64))[parity::2]
    third = int((walks[:, 4] >= 0).sum())
    assert binomtest(third, len(walks), 1 - skip).pvalue > FALSE_ALARM


@pytest.mark.parametrize("net", ["plain", "residual", "separable", "tied"])
@pytest.mark.parametrize("density", [0.1, 0.25, 0.6])
def test_every_kept_weight_lies_on_a_way(net: str, density: float) -> None:
    """Oracle: a weight off every way has no flow in the masked network, which SynFlow computes by autograd."""
    module = make(net)
    masks = prune(module, Sparsity("phew", density), evidence(net))
    flows = synflow(module, evidence(net))(dict(masks))
    for name, mask in masks.items():
        assert torch.equal(flows[name] > 0, mask)


@every_case
def test_counts_are_exact_whatever_is_asked(name: str) -> None:
    make_net, shape = CASES[name]
    module = make_net()
    sizes = [weight.numel() for weight in prunable(module).values()]
    for kept in {len(sizes), len(sizes) + 1, *range(2 * len(sizes), sum(sizes), max(1, sum(sizes) // 7)), sum(sizes)}:
        masks = phew(module, Evidence(shape, seeded()), kept)
        assert int(flat(masks).sum()) == kept
        assert all(bool(mask.any()) for mask in masks.values())


@pytest.mark.parametrize("name", ["lenet_300_100", "lenet5", "resnet20", "resnet56", "mobilenet_v2", "gru"])
def test_reference_networks_get_exact_counts_on_ways(name: str) -> None:
    network = NETWORKS[name]
    module = network.build(network.signature, seeded())
    total = sum(weight.numel() for weight in prunable(module).values())
    graph = trace(module, network.signature.input_shape)
    edges = edges_of(graph, prunable(module))
    for density in (0.02, 0.1):
        masks = prune(module, Sparsity("phew", density), Evidence(network.signature.input_shape, seeded(1)))
        assert masks.kept == round(density * total)
        assert on_ways(graph, edges, flat(dict(masks)))


def on_ways(graph: object, edges: object, kept: Tensor) -> bool:
    from pruning.walks.fill import _own, _pools

    pools = _pools(graph, edges, kept)[0]  # type: ignore[arg-type]
    return all(not bool((_own(layer, kept) & ~pool[:, None]).any()) for layer, pool in zip(edges, pools, strict=True))  # type: ignore[call-overload]


def test_denser_masks_go_on_with_the_walks_of_sparser_ones() -> None:
    module = make("residual")
    total = sum(weight.numel() for weight in prunable(module).values())
    masks = [flat(phew(module, evidence("residual"), round(density * total))) for density in (0.1, 0.2, 0.4)]
    for low, high in itertools.pairwise(masks):
        assert int((low & ~high).sum()) <= 3  # the single edges that completed the lower count: less than one walk


def test_single_edges_are_drawn_in_proportion_to_the_weights() -> None:
    module = nn.Sequential(nn.Linear(3, 4, bias=False), nn.Linear(4, 2, bias=False))
    graph = trace(wired_like(module), (3,))
    edges = edges_of(graph, prunable(module))
    kept = torch.zeros(20, dtype=torch.bool)
    kept[[0, 4, 12, 17]] = True  # ways 0 -> 0 -> 0 and 1 -> 1 -> 1
    absent = torch.tensor([1, 3, 2, 5, 13, 16])  # from any input to hidden 0 and 1, and from these to any output
    values = torch.cat([weight.detach().abs().flatten() for weight in prunable(module).values()])
    counts = torch.zeros(20)
    for seed in range(3000):
        counts += fill(graph, edges, kept, 5, seeded(seed)).float() - kept.float()
    assert int(counts.sum()) == int(counts[absent].sum()) == 3000
    expected = values[absent] / values[absent].sum() * 3000
    assert chisquare(counts[absent].numpy(), expected.numpy(), sum_check=False).pvalue > FALSE_ALARM


def test_single_edges_beyond_those_on_ways_are_any() -> None:
    module = nn.Sequential(nn.Linear(3, 4, bias=False), nn.Linear(4, 2, bias=False))
    graph = trace(module, (3,))
    edges = edges_of(graph, prunable(module))
    kept = torch.zeros(20, dtype=torch.bool)
    kept[[0, 12]] = True
    for count in range(2, 21):
        more = fill(graph, edges, kept, count, seeded())
        assert int(more.sum()) == count
        assert bool(more[kept].all())


def test_weights_of_zero_are_not_walked_and_dead_units_are_avoided() -> None:
    module = nn.Sequential(nn.Linear(3, 5, bias=False), nn.Linear(5, 4, bias=False))
    with torch.no_grad():
        prunable(module)["0.weight"][2] = 0.0  # unit 2 is not reached
        prunable(module)["1.weight"][:, 3] = 0.0  # nothing leads on from unit 3
        prunable(module)["0.weight"][0, 0] = 0.0
    masks = phew(module, Evidence((3,), seeded()), 18)
    first, second = masks.values()
    assert not first[2].any() and not first[3].any() and not first[0, 0]
    assert not second[:, 2].any() and not second[:, 3].any()


def test_a_layer_of_zeros_is_walked_as_if_its_weights_were_equal() -> None:
    module = nn.Sequential(nn.Linear(3, 5, bias=False), nn.Linear(5, 4, bias=False))
    torch.nn.init.zeros_(prunable(module)["1.weight"])
    masks = phew(module, Evidence((3,), seeded()), 20)
    assert min(int(mask.sum()) for mask in masks.values()) >= 5


def test_the_scale_of_a_layer_and_the_names_of_hidden_units_do_not_matter_to_the_walks() -> None:
    module = make("plain")
    walker = walker_of(module, (3, 8, 8))
    rows = torch.rand(500, walker.columns, generator=seeded(), dtype=torch.float64)
    before = walker.walk(0, rows)
    with torch.no_grad():
        prunable(module)["4.weight"].mul_(1024.0)
    assert torch.equal(walker_of(module, (3, 8, 8)).walk(0, rows), before)


def test_the_generator_is_asked_for_the_same_numbers_whatever_the_count() -> None:
    states = []
    for kept in (60, 200, 700):
        given = evidence("plain")
        phew(make("plain"), given, kept)
        states.append(given.generator.get_state())
    assert torch.equal(states[0], states[1]) and torch.equal(states[0], states[2])


def test_a_layer_on_no_way_is_refused() -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(3, 2), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.used(x)
            return out

    with pytest.raises(
        PruningError, match=r"phew must find each prunable weight .* got none over 'idle.weight' \(1 such"
    ):
        prune(Idle(), Sparsity("phew", 0.5), Evidence((3,), seeded()))
