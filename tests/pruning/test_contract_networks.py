"""What every method must do on every reference network (thinned, see reference_nets.py). Both join by being listed."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from pruning import ALLOCATIONS, METHODS, PruningError, Sparsity, check_masks, prunable, prune
from pruning.counts import budget, exact_counts
from pruning.diagnostics import diagnose
from pruning.methods import CHOSEN, RANKED
from search_spaces import NETWORKS
from tests.pruning.reference_nets import reference, reference_evidence

every_method = pytest.mark.parametrize("method", sorted(METHODS))
every_network = pytest.mark.parametrize("network", sorted(NETWORKS))


def state(module: nn.Module) -> list[Any]:
    """Everything that must not change: bits, versions, gradients, modes, identities."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    return [
        [(name, id(t), t._version, t.requires_grad, t.detach().numpy().tobytes()) for name, t in tensors],
        [None if p.grad is None else (id(p.grad), p.grad.numpy().tobytes()) for p in module.parameters()],
        [(name, part.training, id(part)) for name, part in module.named_modules()],
    ]


def randomness() -> tuple[bytes, object, str]:
    return torch.get_rng_state().numpy().tobytes(), random.getstate(), str(np.random.get_state())  # noqa: NPY002


@every_network
@every_method
def test_contract(method: str, network: str) -> None:
    """Exact count, no empty layer, determinism, nestedness where one ranking decides, and an untouched network."""
    module, _ = reference(network)
    total, layers = sum(weight.numel() for weight in prunable(module).values()), len(prunable(module))
    module.train(len(network) % 2 == 0)  # either mode
    for parameter in module.parameters():
        parameter.grad = torch.ones(()).expand_as(parameter)
    before, global_state = state(module), randomness()
    density = max(0.11, 2.5 * layers / total)
    masks = prune(module, Sparsity(method, density), reference_evidence(network))
    check_masks(module, masks)
    assert (masks.kept, masks.total) == (round(density * total), total)
    assert not masks.empty_layers()
    if method in CHOSEN:
        assert prune(module, Sparsity(method, density), reference_evidence(network)) == masks
    else:
        high = prune(module, Sparsity(method, 0.5), reference_evidence(network))
        assert all(not bool((masks[name] & ~high[name]).any()) for name in masks)
        low = prune(module, Sparsity(method, density, rounds=2), reference_evidence(network))
        assert low.kept == masks.kept and not low.empty_layers()
        assert prune(module, Sparsity(method, density, rounds=2), reference_evidence(network)) == low
    assert state(module) == before
    assert randomness() == global_state


@every_network
def test_every_allocation_meets_the_total_on_the_true_shapes(network: str) -> None:
    """On the networks at full width, shapes only; an allocation that cannot meet a total says so."""
    shapes = {name: weight.shape for name, weight in prunable(NETWORKS[network].skeleton()).items()}
    sizes = {name: shape.numel() for name, shape in shapes.items()}
    for density in (0.01, 0.1, 0.5, 0.93, 1.0):
        kept = budget(density, sizes)
        for name, allocation in ALLOCATIONS.items():
            if allocation is None:
                continue
            try:
                shares = allocation(shapes, density)
            except PruningError as error:
                assert name == "uniform_plus" and "Use at least" in str(error)
                continue
            counts = exact_counts(shares, sizes, kept)
            assert sum(counts.values()) == kept
            assert all(1 <= counts[layer] <= sizes[layer] for layer in sizes)


@every_network
def test_every_figure_of_the_diagnosis_exists(network: str) -> None:
    module, signature = reference(network)
    masks = prune(module, Sparsity("random", 0.3, "erk"), reference_evidence(network))
    found = diagnose(module, masks, signature.input_shape, reference_evidence(network).inputs)
    assert found.absent == {} and found.connectivity and found.isometry and found.jacobian
    assert found.connectivity.untraced == ()
    assert 0 < found.connectivity.effective_density <= found.density == masks.density
    assert found.requested == 0.3
    assert np.isfinite([found.connectivity.log10_paths, found.connectivity.log10_kernel_trace]).all()


def test_methods_are_ranked_or_chosen() -> None:
    assert {*RANKED, *CHOSEN} == set(METHODS)
