from __future__ import annotations

import copy
import math
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import structural_rank as scipy_structural_rank
from torch import Tensor, nn
from torch.nn import functional

from pruning import Evidence, MaskSet, PruningError, Sparsity, prunable, prune
from pruning.diagnostics import jacobian_spectrum, layer_isometry
from pruning.initialization.orthogonal import orthogonal_
from pruning.isometry import approximate_isometry_
from pruning.structural_rank import structural_rank
from tests.pruning.nets import NETS, evidence, make


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mlp(activation: type[nn.Module], *widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


def test_an_orthogonal_linear_network_has_all_singular_values_one() -> None:
    module = mlp(nn.Identity, 50, 30, 30, 30, 30, 30, 30, 10).double()
    orthogonal_(module, generator())
    found = jacobian_spectrum(module, torch.randn(3, 50, generator=generator(1)))
    assert np.array(found.singular_values) == pytest.approx(1.0, abs=1e-12)
    assert found.summary.mean == pytest.approx(1, abs=1e-12)
    assert found.summary.spread == pytest.approx(0, abs=1e-12)
    assert found.summary.condition == pytest.approx(1, abs=1e-12)
    assert len(found.singular_values) == 3
    assert len(found.singular_values[0]) == 10


def test_a_linear_network_agrees_with_numpy_on_the_product_of_its_masked_matrices() -> None:
    module = mlp(nn.Identity, 12, 9, 7, 5)
    masks = prune(module, Sparsity("random", 0.6), Evidence((12,), generator()))
    product = np.eye(12)
    for name, weight in prunable(module).items():
        product = (weight.detach().double() * masks[name]).numpy() @ product
    values = np.linalg.svd(product, compute_uv=False)
    found = jacobian_spectrum(module, torch.randn(4, 12, generator=generator(1)), masks)
    for row in found.singular_values:
        assert row == pytest.approx(values, rel=1e-10, abs=1e-14)
    assert found.summary.mean == pytest.approx(values.mean())
    assert found.summary.spread == pytest.approx(values.std())
    assert (found.summary.smallest, found.summary.largest) == pytest.approx((values.min(), values.max()))
    assert found.summary.condition == pytest.approx(values[0] / values[-1])


def differences(module: nn.Module, sample: Tensor) -> np.ndarray:
    """The Jacobian by central differences, (outputs, inputs), in float64."""
    step, columns = 1e-5, []
    flat = sample.flatten()
    with torch.no_grad():
        for index in range(len(flat)):
            ends = []
            for sign in (1, -1):
                moved = flat.clone()
                moved[index] += sign * step
                ends.append(module(moved.view(1, *sample.shape)).flatten())
            columns.append((ends[0] - ends[1]) / (2 * step))
    return torch.stack(columns, dim=1).numpy()


@pytest.mark.parametrize("net", ["residual", "separable", "gru", "attention", "tied"])
def test_any_network_agrees_with_numpy_on_finite_differences(net: str) -> None:
    module, (_, shape) = make(net), NETS[net]
    masks = prune(module, Sparsity("random", 0.7), evidence(net))
    inputs = torch.randn(3, *shape, generator=generator(1))
    found = jacobian_spectrum(module, inputs, masks, batch=2)
    oracle = copy.deepcopy(module).double().eval()
    with torch.no_grad():
        for name, weight in prunable(oracle).items():
            weight.masked_fill_(~masks[name], 0.0)
    for row, sample in zip(found.singular_values, inputs.double(), strict=True):
        expected = np.linalg.svd(differences(oracle, sample), compute_uv=False)
        assert row == pytest.approx(expected, rel=1e-4, abs=1e-8)


def test_the_condition_of_several_samples_is_their_median_and_lost_rank_is_infinite() -> None:
    class Bent(nn.Module):
        """x -> x * s(x) with Jacobian diag(x, 1): the condition is known for each sample."""

        def __init__(self) -> None:
            super().__init__()
            self.unused = nn.Linear(1, 1)

        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([x[:, 0].square() / 2, x[:, 1]], dim=1)

    inputs = torch.tensor([[4.0, 0.0], [0.5, 0.0], [0.0, 0.0]])
    assert jacobian_spectrum(Bent(), inputs).summary.condition == pytest.approx(4)
    assert jacobian_spectrum(Bent(), inputs[:2]).summary.condition == pytest.approx(3)
    assert jacobian_spectrum(Bent(), inputs[1:]).summary.condition == math.inf
    assert jacobian_spectrum(Bent(), inputs[2:]).singular_values == ((1.0, 0.0),)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("train", [True, False])
def test_measuring_changes_nothing(net: str, train: bool) -> None:
    module, (_, shape) = make(net).train(train), NETS[net]
    inputs = torch.randn(2, *shape, generator=generator(1))
    masks = prune(module, Sparsity("random", 0.5), evidence(net))
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    world, copied = torch.get_rng_state(), inputs.clone()
    with torch.no_grad():
        jacobian_spectrum(module, inputs, masks)
        layer_isometry(module, masks)
    assert all(torch.equal(tensor, state[name]) for name, tensor in module.state_dict().items())
    assert all(p.grad is None and p.requires_grad and p.dtype == torch.float32 for p in module.parameters())
    assert all(part.training == train for part in module.modules())
    assert torch.equal(torch.get_rng_state(), world)
    assert torch.equal(inputs, copied)
    assert not inputs.requires_grad


def test_single_precision_is_an_option() -> None:
    module = mlp(nn.Tanh, 20, 15, 6)
    inputs = torch.randn(5, 20, generator=generator())
    single, double = (jacobian_spectrum(module, inputs, precision=p) for p in (torch.float32, torch.float64))
    assert np.array(single.singular_values) == pytest.approx(np.array(double.singular_values), rel=1e-4)
    assert single.singular_values != double.singular_values


def test_inputs_that_do_not_fit_are_one_clear_line() -> None:
    with pytest.raises(PruningError, match=r"inputs must be a floating-point batch .* got \(3,\)"):
        jacobian_spectrum(nn.Linear(3, 2), torch.randn(3))
    with pytest.raises(PruningError, match=r"the network must run on inputs of shape .*mat1 and mat2"):
        jacobian_spectrum(nn.Linear(3, 2), torch.randn(3, 4))
    exploding = nn.Linear(3, 2)
    with torch.no_grad():
        exploding.weight.fill_(math.inf)
    with pytest.raises(PruningError, match="derivatives must be finite; got NaN or infinity"):
        jacobian_spectrum(exploding, torch.randn(3, 3))


class Wide(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(torch.cat([x, -x], dim=1))


def test_a_network_without_parameters_has_a_jacobian_too() -> None:
    found = jacobian_spectrum(Wide(), torch.randn(3, 4, generator=generator()))
    assert np.array(found.singular_values) == pytest.approx(1.0)


def test_layers_agree_with_numpy() -> None:
    module = nn.Sequential(nn.Conv2d(4, 6, 3), nn.Conv2d(6, 6, 3, groups=3), nn.Flatten(), nn.Linear(6, 9))
    masks = prune(module, Sparsity("random", 0.5, "uniform"), Evidence((4, 5, 5), generator()))
    gain = 1.4
    found = layer_isometry(module, masks, gain=gain)
    shapes = {"0.weight": (1, 6, 36), "1.weight": (3, 2, 18), "3.weight": (1, 9, 6)}
    assert [layer.name for layer in found] == list(shapes)
    for layer in found:
        weight = (module.get_parameter(layer.name).detach().double() * masks[layer.name]).reshape(shapes[layer.name])
        values = np.concatenate([np.linalg.svd(one.numpy(), compute_uv=False) for one in weight])
        assert (layer.groups, layer.rows, layer.columns) == shapes[layer.name]
        assert layer.rank == len(values) == layer.structural_rank
        assert layer.penalty == pytest.approx(((values**2 - gain**2) ** 2).sum())
        assert layer.departure == pytest.approx(np.sqrt(np.mean((values**2 / gain**2 - 1) ** 2)))
        assert layer.spectrum is not None
        assert layer.spectrum.mean == pytest.approx(values.mean())
        assert layer.spectrum.spread == pytest.approx(values.std())
        assert layer.spectrum.condition == pytest.approx(values.max() / values.min())
        assert asdict(layer)["spectrum"]["largest"] == pytest.approx(values.max())


def test_diagnosis_and_descent_measure_the_same_penalty() -> None:
    for net in NETS:
        module = make(net)
        masks = prune(module, Sparsity("random", 0.2), evidence(net))
        before = layer_isometry(module, masks)
        reports = approximate_isometry_(module, masks, steps=15)
        after = layer_isometry(module, masks)
        for layer in before:
            assert layer.penalty == pytest.approx(reports[layer.name].before, rel=1e-9, abs=1e-12)
        for layer in after:
            assert layer.penalty == pytest.approx(reports[layer.name].after, rel=1e-9, abs=1e-12)
            assert layer.penalty >= layer.floor - 1e-9


def test_dead_units_empty_layers_and_the_floor() -> None:
    module = nn.Linear(4, 5)
    mask = torch.zeros(5, 4, dtype=torch.bool)
    mask[:3, 0], mask[3, 1:3] = True, True  # three rows share one column: rank 2 of 3 live columns
    (layer,) = layer_isometry(module, MaskSet({"weight": mask}), gain=2.0)
    assert (layer.dead_rows, layer.dead_columns, layer.rank, layer.structural_rank) == (1, 1, 3, 2)
    assert layer.floor == 16
    assert layer.penalty >= 16
    assert layer.spectrum is not None
    assert layer.spectrum.condition == math.inf
    (empty,) = layer_isometry(module, MaskSet({"weight": torch.zeros(5, 4, dtype=torch.bool)}))
    assert (empty.rank, empty.penalty, empty.departure, empty.spectrum) == (0, 0.0, 0.0, None)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 10**6), st.floats(0, 1))
def test_structural_rank_is_that_of_scipy(rows: int, columns: int, seed: int, density: float) -> None:
    mask = torch.rand(rows, columns, generator=generator(seed)) < density
    assert structural_rank(mask) == scipy_structural_rank(csr_matrix(mask.numpy()))
