"""Node-path balance: what it spreads, unit by unit, and what that does for a network."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pruning import Evidence, Sparsity, prunable, prune
from pruning.balance import spread
from pruning.diagnostics import connectivity
from pruning.methods.npb import npb
from search_spaces import NETWORKS
from tests.pruning.nets import evidence, make
from tests.pruning.reference_nets import reference, reference_evidence


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=60, deadline=None)
@given(
    groups=st.integers(1, 3),
    inputs=st.integers(1, 7),
    outputs=st.integers(1, 6),
    kernel=st.sampled_from([1, 4, 9]),
    share=st.sampled_from([0.0, 0.5, 1.0]),
    data=st.data(),
)
def test_spread_is_exact_and_even(
    groups: int, inputs: int, outputs: int, kernel: int, share: float, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, groups * inputs * outputs * kernel))
    paths = torch.rand(groups, inputs, generator=seeded(count), dtype=torch.float64) + 0.1
    found = spread(paths, outputs, kernel, count, share, seeded(count))
    assert int(found.sum()) == count
    assert 0 <= int(found.min()) <= int(found.max()) <= kernel
    rows, columns = found.sum(2), found.sum(1)
    assert all(int(group.max() - group.min()) <= 1 for group in rows)
    if count >= groups * inputs:
        assert int(columns.min()) >= 1
    else:
        assert int(columns.max()) <= 1
    assert int((found.max(1).values - found.min(1).values).max()) <= 1  # no second position before all have one


def test_units_with_more_paths_get_more_by_the_share_asked_for() -> None:
    paths = torch.tensor([[1.0, 3.0, 0.0]], dtype=torch.float64)  # mean of the living 2
    for share, expected in ((0.0, [20, 20, 0]), (0.5, [15, 25, 0]), (1.0, [10, 30, 0])):
        assert spread(paths, 10, 4, 40, share, seeded()).sum(1).tolist() == [expected]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("count", [0, 1, 4, 17, 23, 24])
def test_units_without_paths_are_served_last(share: float, count: int) -> None:
    """Three units of eight weights each: the two that no path reaches get what the third cannot take."""
    for paths in ([[4.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]]):
        columns = spread(torch.tensor(paths, dtype=torch.float64), 2, 4, count, share, seeded()).sum(1)[0].tolist()
        assert sum(columns) == count
        if paths[0][0] and count <= 8:
            assert columns == [count, 0, 0]


def test_the_first_to_be_served_are_those_with_most_paths() -> None:
    paths = torch.tensor([[5.0, 1.0, 4.0, 2.0]], dtype=torch.float64)
    assert spread(paths, 3, 1, 2, 0.5, seeded()).sum(1).tolist() == [[1, 0, 1, 0]]


@pytest.mark.parametrize("name", ["lenet_300_100", "resnet20", "mobilenet_v2", "vit_tiny"])
def test_all_that_is_kept_is_effective_and_units_live_where_random_ones_die(name: str) -> None:
    module, signature = reference(name)
    shape = signature.input_shape
    density = 0.02 if name == "lenet_300_100" else 0.15
    balanced = connectivity(module, prune(module, Sparsity("npb", density), reference_evidence(name)), shape)
    random = connectivity(module, prune(module, Sparsity("random", density, "erk"), reference_evidence(name)), shape)
    assert balanced.effective == sum(layer.kept for layer in balanced.layers)
    dead, dead_random = (sum(layer.dead_outputs for layer in found.layers) for found in (balanced, random))
    assert dead <= dead_random
    if name in ("lenet_300_100", "mobilenet_v2"):
        assert dead < dead_random
    assert balanced.log10_paths > random.log10_paths - 0.1


def test_no_unit_dies_while_there_are_weights_for_all() -> None:
    network = NETWORKS["lenet_300_100"]
    module = network.build(network.signature, seeded())
    masks = prune(module, Sparsity("npb", 0.02), Evidence((1, 28, 28), seeded(3)))
    assert all(
        layer.dead_inputs == layer.dead_outputs == 0 for layer in connectivity(module, masks, (1, 28, 28)).layers
    )


def test_layers_keep_their_erk_counts_where_nothing_had_to_be_mended() -> None:
    module = make("plain")
    assert prune(module, Sparsity("npb", 0.3), evidence("plain")).counts() == (
        prune(module, Sparsity("random", 0.3, "erk"), evidence("plain")).counts()
    )


def test_the_weights_values_do_not_matter_where_nothing_had_to_be_mended() -> None:
    given = evidence("plain")
    total = sum(weight.numel() for weight in prunable(make("plain")).values())
    masks = [npb(make("plain", seed), Evidence(given.input_shape, seeded()), total // 3) for seed in (0, 1)]
    assert all(torch.equal(masks[0][name], masks[1][name]) for name in masks[0])


def test_the_generator_is_asked_for_the_same_numbers_whatever_the_count() -> None:
    states = []
    for kept in (20, 200):
        generator = seeded(1)
        npb(make("plain"), Evidence((3, 8, 8), generator), kept)
        states.append(generator.get_state())
    assert torch.equal(*states)
