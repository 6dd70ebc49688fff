"""What every search space promises, whatever it builds."""

import fnmatch
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from search_spaces import SPACES, Architecture, SearchSpace, Signature, SpaceError

DIGITS = Signature((1, 8, 8), 10)

every_space = pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))


def _build(space: SearchSpace, architecture: Architecture, signature: Signature = DIGITS) -> nn.Module:
    return space.build(architecture, signature, generator=torch.Generator().manual_seed(0))


def _structure(space: SearchSpace, architecture: Architecture) -> tuple[str, str]:
    """All that defines the function before weights are drawn: the module tree, and names and shapes of tensors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{type(space).__module__}.initialize", lambda make, *_, **__: make())
        with torch.device("meta"):
            module = space.build(architecture, DIGITS, generator=torch.Generator())
    return repr(module), str({name: tuple(t.shape) for name, t in module.state_dict().items()})


def _neighbours(space: SearchSpace, architecture: Architecture) -> Iterator[tuple[int, Architecture]]:
    """Every genome that differs in one gene, with that gene's index."""
    for index, choice in enumerate(space.choices):
        for gene in range(len(choice.values)):
            if gene != architecture.genes[index]:
                genes = list(architecture.genes)
                genes[index] = gene
                yield index, Architecture(space.name, tuple(genes))


@every_space
def test_canonical_is_idempotent_and_builds_the_same_network(space: SearchSpace) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        architecture = space.random(rng)
        representative = space.canonical(architecture)
        assert space.canonical(representative) == representative
        assert _structure(space, architecture) == _structure(space, representative)


@every_space
def test_canonical_genes_are_equal_exactly_when_the_networks_are(space: SearchSpace) -> None:
    """All one-gene neighbours: dead genes change nothing, live ones change structure; no third case."""
    rng = np.random.default_rng(2)
    for _ in range(3):
        architecture = space.random(rng)
        structure, representative = _structure(space, architecture), space.canonical(architecture)
        for index, neighbour in _neighbours(space, architecture):
            same_genes = space.canonical(neighbour) == representative
            assert same_genes == (_structure(space, neighbour) == structure), (index, neighbour)


@every_space
def test_random_pairs_agree_on_equality_too(space: SearchSpace) -> None:
    rng = np.random.default_rng(3)
    drawn = [space.random(rng) for _ in range(40)]
    assert len({space.canonical(a) for a in drawn}) == len({_structure(space, a) for a in drawn})


@every_space
def test_every_gene_is_live_somewhere_and_every_value_is_reachable(space: SearchSpace) -> None:
    """There is a network each of whose genes is live: each value of each gene then gives its own network."""
    last = tuple(len(choice.values) - 1 for choice in space.choices)
    rng = np.random.default_rng(10)
    drawn = [space.random(rng).genes for _ in range(30)]
    networks = 0
    for genes in [(last[0], *(0 for _ in last[1:])), *drawn]:
        full = Architecture(space.name, genes)
        own = {space.canonical(full)} | {space.canonical(n) for _, n in _neighbours(space, full)}
        networks = max(networks, len(own))
    assert networks == 1 + sum(last)


@every_space
def test_stage_patterns_part_all_parameters(space: SearchSpace) -> None:
    rng = np.random.default_rng(4)
    for _ in range(10):
        architecture = space.random(rng)
        patterns = space.stage_patterns(architecture)
        names = [name for name, _ in _build(space, architecture).named_parameters()]
        assert 1 <= len(patterns) <= space.stages
        assert all(sum(fnmatch.fnmatchcase(name, p) for p in patterns) == 1 for name in names)
        assert all(any(fnmatch.fnmatchcase(name, p) for name in names) for p in patterns)
        positions = [next(i for i, p in enumerate(patterns) if fnmatch.fnmatchcase(n, p)) for n in names]
        assert positions == sorted(positions)
        assert fnmatch.fnmatchcase(names[-1], patterns[-1])


@every_space
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7, 5), (1, 1, 1), (2, 2, 3)])
def test_networks_accept_their_signature_and_train(space: SearchSpace, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(5)
    for _ in range(2):
        module = _build(space, space.random(rng), Signature(shape, 7))
        logits = module.eval()(torch.ones(2, *shape))
        assert logits.shape == (2, 7)
        logits.sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


@every_space
def test_a_live_gene_changes_what_the_network_computes(space: SearchSpace) -> None:
    genes = [0] * len(space.choices)
    smallest = Architecture(space.name, tuple(genes))
    x = 30 * torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))  # far enough for relu6 to cut
    expected = _build(space, smallest).eval()(x)
    for index, neighbour in _neighbours(space, smallest):
        same = space.canonical(neighbour) == space.canonical(smallest)
        got = _build(space, neighbour).eval()(x)
        assert torch.equal(got, expected) == same, space.choices[index]


@every_space
def test_build_is_pure_and_in_train_mode(space: SearchSpace) -> None:
    architecture, before = space.random(np.random.default_rng(6)), torch.get_rng_state()
    first, second = _build(space, architecture).state_dict(), _build(space, architecture)
    assert second.training
    assert all(torch.equal(first[name], tensor) for name, tensor in second.state_dict().items())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("space", [space for name, space in SPACES.items() if name != "graph_rnn"])
def test_modules_without_a_loop_over_time_can_be_traced_by_fx(space: SearchSpace) -> None:
    module = _build(space, space.random(np.random.default_rng(7))).eval()
    x = torch.ones(2, 1, 8, 8)
    assert torch.equal(torch.fx.symbolic_trace(module)(x), module(x))


@every_space
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_values_and_encode_are_inverse(space: SearchSpace, data: st.DataObject) -> None:
    genes = tuple(data.draw(st.integers(0, len(choice.values) - 1)) for choice in space.choices)
    architecture = Architecture(space.name, genes)
    assert space.encode(space.values(architecture)) == architecture
    assert space.describe(architecture) == space.describe(space.canonical(architecture))
    assert "\n" not in space.describe(architecture)


@every_space
def test_describe_tells_networks_apart(space: SearchSpace) -> None:
    drawn = [space.random(np.random.default_rng(seed)) for seed in range(200)]
    assert len({space.describe(a) for a in drawn}) == len({space.canonical(a) for a in drawn})


@every_space
def test_bad_genes_are_refused(space: SearchSpace) -> None:
    good = space.random(np.random.default_rng(8))
    name = space.choices[0].name
    bad: tuple[Any, ...] = (-1, 99, 1.0, True)
    for gene in bad:
        genes = (gene, *good.genes[1:])
        with pytest.raises(SpaceError, match=rf"gene '{name}' must be an integer in 0\.\."):
            _build(space, Architecture(space.name, genes))
    with pytest.raises(SpaceError, match=rf"must have {len(good.genes)} genes; got 1\."):
        _build(space, Architecture(space.name, (0,)))
    with pytest.raises(SpaceError, match=rf"must belong to space '{space.name}'; got 'other'"):
        space.canonical(Architecture("other", good.genes))


@every_space
def test_bad_values_are_refused(space: SearchSpace) -> None:
    values = space.values(space.random(np.random.default_rng(9)))
    name = space.choices[1].name
    with pytest.raises(SpaceError, match=rf"'{name}' must be one of .*; got 'tanhh'"):
        space.encode({**values, name: "tanhh"})
    with pytest.raises(SpaceError, match=r"missing \[\], unknown \['colour'\]"):
        space.encode({**values, "colour": 1})


@pytest.mark.parametrize("shape", [(), (0,), (3, -1, 8), (3, 8.0, 8)])
def test_signature_refuses_impossible_inputs(shape: tuple[int, ...]) -> None:
    with pytest.raises(SpaceError, match="input_shape must be positive integers"):
        Signature(shape, 10)


def test_signature_refuses_a_single_class() -> None:
    with pytest.raises(SpaceError, match=r"classes must be an integer of at least 2; got 1"):
        Signature((3, 32, 32), 1)


def test_spaces_are_listed_under_their_names() -> None:
    assert all(space.name == name for name, space in SPACES.items())
