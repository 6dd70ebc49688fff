from __future__ import annotations

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pruning import Evidence, MaskSet, PruningError, Sparsity, prunable, prune
from pruning.initialization.orthogonal import orthogonal_
from pruning.isometry import ISOMETRIES, approximate_isometry_, published_isometry_, scaled_isometry_
from pruning.matrices import matrices
from tests.pruning.nets import NETS, evidence, make


def penalty(weight: Tensor, mask: Tensor, gain: float = 1.0) -> float:
    """The definition, by numpy's singular values, for one dense matrix."""
    values = np.linalg.svd((weight * mask).double().numpy(), compute_uv=False)
    count = min(int(mask.any(0).sum()), int(mask.any(1).sum()))
    return float(((values[:count] ** 2 - gain**2) ** 2).sum())


def linear(rows: int, columns: int, seed: int, density: float, scale: float = 1.0) -> tuple[nn.Linear, MaskSet]:
    source = torch.Generator().manual_seed(seed)
    layer = nn.Linear(columns, rows, bias=False)
    with torch.no_grad():
        layer.weight.copy_(scale * torch.randn(rows, columns, generator=source))
    return layer, MaskSet({"weight": torch.rand(rows, columns, generator=source) < density})


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    rows=st.integers(1, 12),
    columns=st.integers(1, 12),
    seed=st.integers(0, 10**6),
    density=st.floats(0.0, 1.0),
    scale=st.sampled_from([1e-12, 0.01, 0.3, 1.0, 30.0, 1e9]),
    gain=st.sampled_from([0.1, 1.0, 2**0.5, 7.0]),
    double=st.booleans(),
)
def test_no_step_and_no_rounding_increases_the_penalty(
    rows: int, columns: int, seed: int, density: float, scale: float, gain: float, double: bool
) -> None:
    layer, masks = linear(rows, columns, seed, density, scale)
    layer = layer.double() if double else layer
    start = penalty(layer.weight.detach(), masks["weight"], gain)
    report = approximate_isometry_(layer, masks, gain=gain, steps=60)["weight"]
    end = penalty(layer.weight.detach(), masks["weight"], gain)
    assert report.increases == 0
    assert all(new <= old for old, new in pairwise(report.penalties))
    assert report.after <= report.before
    rounding = 1e-9 * gain**4
    assert report.before == pytest.approx(start, rel=1e-9, abs=rounding)
    assert report.after == pytest.approx(end, rel=1e-9, abs=rounding)
    assert end <= start * (1 + 1e-9) + rounding
    assert not bool(layer.weight[~masks["weight"]].any())


@pytest.mark.parametrize("rule", ISOMETRIES)
@pytest.mark.parametrize("net", NETS)
def test_masks_biases_and_normalisation_stay_and_masked_weights_are_zero(rule: str, net: str) -> None:
    module = make(net)
    masks = prune(module, Sparsity("random", 0.3), evidence(net))
    before, digest, world = copy.deepcopy(module), masks.digest(), torch.get_rng_state()
    options = {"steps": 20} if rule != "scaled_isometry" else {}
    reports = ISOMETRIES[rule](module, masks, **options)
    assert masks.digest() == digest
    assert torch.equal(torch.get_rng_state(), world)
    weights = prunable(module)
    assert list(reports) == list(weights)
    for name, parameter in module.named_parameters():
        if name in weights:
            assert not bool(parameter[~masks[name]].any())
            assert reports[name].after < reports[name].before
        else:
            assert torch.equal(parameter, before.get_parameter(name))


def test_a_permutation_mask_becomes_signs() -> None:
    layer = nn.Linear(3, 3, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.0, 0.2, 9.0], [-5.0, 0.0, 9.0], [9.0, 9.0, 3.0]]))
    masks = MaskSet({"weight": torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.bool)})
    report = approximate_isometry_(layer, masks, tolerance=0)["weight"]
    torch.testing.assert_close(layer.weight.detach().abs(), masks["weight"].double(), rtol=0, atol=1e-12)
    assert report.after < 1e-24
    assert report.before == pytest.approx((0.04 - 1) ** 2 + (25 - 1) ** 2 + (9 - 1) ** 2)


def test_the_first_step_is_the_exact_minimum_along_the_gradient() -> None:
    """One weight: f(w) = (w^2 - 1)^2, gradient 4 w (w^2 - 1), so the first exact step lands on 1."""
    layer = nn.Linear(1, 1, bias=False).double()
    with torch.no_grad():
        layer.weight.fill_(0.3)
    report = approximate_isometry_(layer, MaskSet({"weight": torch.ones(1, 1, dtype=torch.bool)}), steps=1)["weight"]
    assert len(report.penalties) == 2
    assert float(layer.weight.detach()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("rows", "columns"), [(8, 40), (40, 8), (24, 24)])
@pytest.mark.parametrize("gain", [1.0, 2**0.5])
def test_wide_and_tall_layers_become_isometries_of_the_gain(rows: int, columns: int, gain: float) -> None:
    layer, masks = linear(rows, columns, 0, 0.5)
    report = approximate_isometry_(layer, masks, gain=gain, steps=1000, tolerance=1e-12)["weight"]
    assert report.after < 1e-6 * report.before
    assert torch.linalg.svdvals(layer.weight.detach()).numpy() == pytest.approx(gain, abs=2e-3)


def test_unreachable_units_do_not_count() -> None:
    layer, masks = linear(10, 30, 1, 0.6)
    mask = masks["weight"]
    mask[3:5], mask[:, 7:20] = False, False
    report = approximate_isometry_(layer, MaskSet({"weight": mask}), steps=1000)["weight"]
    assert report.after < 1e-5
    assert torch.linalg.svdvals(layer.weight.detach())[:8].numpy() == pytest.approx(1, abs=3e-3)
    assert torch.linalg.svdvals(layer.weight.detach())[8:].numpy() == pytest.approx(0, abs=1e-6)


def test_groups_of_different_live_shapes_are_measured_each_on_its_smaller_side() -> None:
    layer = nn.Conv1d(8, 8, 3, groups=2, bias=False).double()
    mask = torch.ones(8, 4, 3, dtype=torch.bool)
    mask[0], mask[4:, 1:] = False, False  # group 0: 3 live rows, 12 columns; group 1: 4 live rows, 3 columns
    before = layer.weight.detach().clone()
    report = approximate_isometry_(layer, MaskSet({"weight": mask}), steps=500, tolerance=0)["weight"]
    kept = (before * mask).reshape(2, 4, 12)
    expected = sum(float(((np.linalg.svd(one.numpy(), compute_uv=False)[:3] ** 2 - 1) ** 2).sum()) for one in kept)
    assert report.before == pytest.approx(expected)
    assert report.after < 1e-12
    for one in layer.weight.detach().reshape(2, 4, 12):
        assert torch.linalg.svdvals(one)[:3].numpy() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("rule", ISOMETRIES)
def test_an_isometry_stays_as_it_is(rule: str) -> None:
    layer = nn.Linear(20, 12).double()
    orthogonal_(layer, torch.Generator().manual_seed(0))
    before = layer.weight.detach().clone()
    masks = MaskSet({"weight": torch.ones(12, 20, dtype=torch.bool)})
    options = {"steps": 1} if rule == "published_isometry" else {}
    ISOMETRIES[rule](layer, masks, **options)
    # The published gradient does not vanish at the minimum: one step of 0.1 moves even an exact isometry.
    torch.testing.assert_close(layer.weight.detach(), before, rtol=0, atol=0.1 if options else 1e-12)


def test_scaling_is_the_least_penalty_over_all_scales() -> None:
    layer, masks = linear(9, 14, 2, 0.4)
    given = layer.weight.detach() * masks["weight"]
    report = scaled_isometry_(layer, masks, gain=1.5)["weight"]
    around = [penalty(given * scale, masks["weight"], 1.5) for scale in np.linspace(0.01, 2, 400)]
    assert report.after <= min(around) + 1e-6
    ratio = (layer.weight.detach() / given)[masks["weight"]]
    assert ratio.numpy() == pytest.approx(float(ratio[0]), rel=1e-6)
    assert approximate_isometry_(layer, masks, gain=1.5)["weight"].after < report.after


def test_the_published_rule_is_gradient_descent_on_the_norm_over_outputs() -> None:
    layer, masks = linear(7, 4, 3, 0.7, scale=0.4)  # tall: the rule's norm is over 7 outputs, never zero
    layer = layer.double()
    mask, gain = masks["weight"], 1.3
    weight = layer.weight.detach().clone().requires_grad_(True)
    published_isometry_(layer, masks, gain=gain, steps=5, learning_rate=0.05)
    for _ in range(5):
        v = (weight * mask).T
        norm = (v.T @ v - gain**2 * torch.eye(7, dtype=torch.float64)).norm()
        (gradient,) = torch.autograd.grad(norm, weight)
        weight = (weight - 0.05 * gradient).detach().requires_grad_(True)
    torch.testing.assert_close(layer.weight.detach(), (weight * mask).detach(), rtol=0, atol=1e-12)


def test_the_published_rule_oscillates_where_ours_descends() -> None:
    layer, masks = linear(6, 30, 0, 0.5, scale=0.2)
    other = copy.deepcopy(layer)
    published = published_isometry_(layer, masks, steps=300)["weight"]
    ours = approximate_isometry_(other, masks)["weight"]
    assert published.increases > 50
    assert ours.increases == 0
    assert ours.after < 1e-3 * published.after


def test_reduced_precision_and_reordered_memory_are_kept() -> None:
    module = nn.Conv2d(6, 8, 3).bfloat16()
    module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
    module.weight.requires_grad_(False)
    masks = prune(module, Sparsity("random", 0.5), Evidence((6, 5, 5), torch.Generator()))
    report = approximate_isometry_(module, masks)["weight"]
    assert report.after < 0.05 * report.before
    assert module.weight.dtype == torch.bfloat16
    assert module.weight.is_contiguous(memory_format=torch.channels_last)
    assert not module.weight.requires_grad
    stacked = matrices(module)["weight"].stack(module.weight.double())
    assert report.after == pytest.approx(float(((torch.linalg.svdvals(stacked) ** 2 - 1) ** 2).sum()), rel=1e-6)


def test_layers_of_zeros_and_empty_masks_stay_zero() -> None:
    layer = nn.Linear(4, 3)
    nn.init.zeros_(layer.weight)
    for mask in (torch.ones(3, 4, dtype=torch.bool), torch.zeros(3, 4, dtype=torch.bool)):
        for rule_ in (approximate_isometry_, scaled_isometry_):
            report = rule_(layer, MaskSet({"weight": mask}))["weight"]
            assert report.after == report.before == (3.0 if bool(mask.any()) else 0.0)
            assert not bool(layer.weight.any())


def test_bad_input_is_refused_before_anything_is_written() -> None:
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    module = nn.Sequential(first, second)
    masks = MaskSet({f"{i}.weight": torch.ones(3, 3, dtype=torch.bool) for i in (0, 1)})
    before = first.weight.detach().clone()
    with torch.no_grad():
        second.weight[1, 1] = float("nan")
    with pytest.raises(PruningError, match=r"kept weights must be finite; got nan \('1\.weight'\)"):
        approximate_isometry_(module, masks)
    with pytest.raises(PruningError, match=r"gain must be positive and finite; got 0\.0"):
        approximate_isometry_(module, masks, gain=0.0)
    with pytest.raises(PruningError, match=r"got none for '1\.weight'"):
        scaled_isometry_(module, MaskSet({"0.weight": masks["0.weight"]}))
    assert torch.equal(first.weight, before)
