from __future__ import annotations

import copy
import math

import pytest
import torch
from scipy import integrate, stats
from torch import Tensor, nn
from torch.nn import functional

from pruning import Evidence, MaskSet, PruningError, Sparsity, prunable, prune
from pruning.initialization import GAINS, INITIALIZATIONS
from pruning.initialization.delta_orthogonal import delta_orthogonal_
from pruning.initialization.density_scaled_he import density_scaled_he_
from pruning.initialization.glorot import glorot_
from pruning.initialization.he import he_
from pruning.initialization.lecun import lecun_
from pruning.initialization.orthogonal import orthogonal_
from pruning.matrices import matrices
from tests.pruning.nets import NETS, evidence, make


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def full(module: nn.Module) -> MaskSet:
    return MaskSet({name: torch.ones_like(w, dtype=torch.bool) for name, w in prunable(module).items()})


EXACT = 1e-12
LAYERS = {
    "tall": (nn.Linear(7, 12), 1),
    "wide": (nn.Linear(12, 7), 1),
    "square": (nn.Linear(9, 9), 1),
    "conv": (nn.Conv2d(4, 6, 3), 1),
    "tall conv": (nn.Conv1d(2, 16, 3), 1),
    "grouped": (nn.Conv2d(6, 9, 3, groups=3), 3),
    "depthwise": (nn.Conv3d(5, 5, (1, 3, 2), groups=5), 5),
    "transposed": (nn.ConvTranspose2d(6, 4, 3, groups=2), 2),
    "bilinear": (nn.Bilinear(3, 4, 5), 1),
    "lstm": (nn.LSTM(5, 6, proj_size=4), 4),
    "attention": (nn.MultiheadAttention(8, 2), 3),
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_singular_value_of_an_orthogonal_layer_is_the_gain(name: str) -> None:
    layer, groups = copy.deepcopy(LAYERS[name][0]).double(), LAYERS[name][1]
    orthogonal_(layer, generator(), gain=1.7)
    layouts = matrices(layer)
    first = next(iter(layouts.values()))
    assert first.groups == groups
    for key, weight in prunable(layer).items():
        stacked = layouts[key].stack(weight.detach())
        assert torch.linalg.svdvals(stacked) == pytest.approx(1.7, abs=EXACT)
        assert torch.equal(layouts[key].unstack(stacked), weight)


def test_matrices_are_the_maps_of_their_layers() -> None:
    """A convolution whose input is one patch is its matrix times the patch; the transposed one scatters likewise."""
    x = torch.randn(2, 6, 3, 3, generator=generator(), dtype=torch.float64)
    for layer in (nn.Conv2d(6, 8, 3, groups=2, bias=False), nn.ConvTranspose2d(6, 8, 3, groups=2, bias=False)):
        layer.double()
        he_(layer, generator(1))
        stacked = matrices(layer)["weight"].stack(layer.weight.detach())
        assert stacked.shape == (2, 4, 27)
        patches = x.reshape(2, 2, 27) if isinstance(layer, nn.Conv2d) else x.flip(2, 3).reshape(2, 2, 27)
        expected = torch.einsum("gop,bgp->bgo", stacked, patches).reshape(2, 8)
        output = layer(x)
        centre = output.shape[2] // 2  # where all taps of the transposed kernel meet
        torch.testing.assert_close(output[:, :, centre, centre], expected)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("groups", [1, 3])
def test_delta_orthogonal_convolution_keeps_the_norm_of_circularly_padded_images(kernel: int, groups: int) -> None:
    layer = nn.Conv2d(6, 9, kernel, padding=kernel // 2, padding_mode="circular", groups=groups).double()
    delta_orthogonal_(layer, generator(), gain=1.3)
    x = torch.randn(5, 6, 8, 7, generator=generator(1), dtype=torch.float64)
    norms = layer(x).detach().flatten(1).norm(dim=1)
    torch.testing.assert_close(norms, 1.3 * x.flatten(1).norm(dim=1), rtol=EXACT, atol=0)


def test_delta_orthogonal_with_fewer_outputs_keeps_the_norm_of_what_it_does_not_remove() -> None:
    layer = nn.Conv1d(9, 6, 3, padding=1, padding_mode="circular", bias=False).double()
    delta_orthogonal_(layer, generator())
    y = torch.randn(5, 6, 8, generator=generator(1), dtype=torch.float64)
    x = functional.conv_transpose1d(y, layer.weight)[..., 1:-1]  # the adjoint maps onto the complement of the kernel
    torch.testing.assert_close(layer(x).detach(), y, rtol=0, atol=EXACT)


def test_a_reshaped_orthogonal_convolution_does_not_keep_the_norm_of_images() -> None:
    layer = nn.Conv2d(6, 6, 3, padding=1, padding_mode="circular", bias=False).double()
    orthogonal_(layer, generator())
    smooth = torch.ones(1, 6, 8, 8, dtype=torch.float64)
    assert abs(float(layer(smooth).detach().norm() / smooth.norm()) - 1) > 0.1


ALARM = 1e-6
"""Probability that one variance test fails on correct code; there are 21 of them."""


def check_std(values: Tensor, std: float) -> None:
    """Compare sum(w^2) / std^2 with its chi-square law, both tails together at ALARM."""
    statistic, freedom = float(values.detach().double().square().sum()) / std**2, values.numel()
    assert stats.chi2.ppf(ALARM / 2, freedom) < statistic < stats.chi2.isf(ALARM / 2, freedom)


@pytest.mark.parametrize("name", ["tall", "wide", "conv", "grouped", "depthwise", "bilinear"])
def test_variances_are_their_formulas(name: str) -> None:
    shape = LAYERS[name][0]
    layer = copy.deepcopy(shape)
    weight = prunable(layer)["weight"]
    groups = getattr(layer, "groups", 1)
    taps = weight[0][0].numel() if name != "bilinear" else 1
    fan_in, fan_out = weight[0].numel(), len(weight) // groups * taps
    for fill_, std in (
        (he_, math.sqrt(2 / fan_in)),
        (lecun_, math.sqrt(1 / fan_in)),
        (glorot_, math.sqrt(2 / (fan_in + fan_out))),
    ):
        draws = []
        source = generator(3)
        for _ in range(30):
            fill_(layer, source)
            draws.append(weight.detach().clone())
        check_std(torch.stack(draws), std)


def test_a_transposed_convolution_counts_the_taps_that_meet_in_one_output() -> None:
    layer = nn.ConvTranspose2d(40, 30, 2, stride=2)
    he_(layer, generator())
    check_std(layer.weight, math.sqrt(2 / 40))


@pytest.mark.parametrize("density", [0.05, 0.3])
def test_density_scaled_he_has_variance_two_over_fan_in_times_density(density: float) -> None:
    module = nn.Sequential(nn.Linear(80, 60), nn.ReLU(), nn.Linear(60, 40))
    masks = prune(module, Sparsity("random", density), Evidence((80,), generator()))
    density_scaled_he_(module, generator(1), masks=masks)
    densities = masks.layer_densities()
    for name, weight in prunable(module).items():
        fan_in = weight.shape[1]
        check_std(weight[masks[name]], math.sqrt(2 / (fan_in * densities[name])))
        assert not bool(weight[~masks[name]].any())


def test_density_scaled_he_keeps_the_size_of_signals_through_sparse_rectifiers() -> None:
    """Mean square of layer 12 over that of layer 1, from 40 networks: log-ratio near 0; unscaled, 11 * ln 0.1."""
    ratios = []
    for seed in range(40):
        layers = [part for _ in range(12) for part in (nn.Linear(120, 120), nn.ReLU())]
        module = nn.Sequential(*layers)
        masks = prune(module, Sparsity("random", 0.1, "uniform"), Evidence((120,), generator(seed)))
        density_scaled_he_(module, generator(seed + 100), masks=masks)
        x = torch.randn(20, 120, generator=generator(seed + 200))
        with torch.no_grad():
            ratios.append(float(module(x).square().mean() / module[:2](x).square().mean()))
    assert abs(math.log(sum(ratios) / len(ratios))) < 1.0


def test_density_scaled_he_without_masks_is_one_clear_line() -> None:
    with pytest.raises(PruningError, match=r"density_scaled_he must have masks.*Pass masks=prune"):
        density_scaled_he_(nn.Linear(2, 2), generator())


def test_an_empty_layer_becomes_zero() -> None:
    module = nn.Linear(3, 4)
    density_scaled_he_(module, generator(), masks=MaskSet({"weight": torch.zeros(4, 3, dtype=torch.bool)}))
    assert not bool(module.weight.any())


@pytest.mark.parametrize("name", INITIALIZATIONS)
@pytest.mark.parametrize("net", NETS)
class TestContract:
    def test_same_generator_same_weights_and_only_weights_and_biases_change(self, name: str, net: str) -> None:
        before, again = make(net), make(net, seed=1)
        module = copy.deepcopy(before)
        world = torch.get_rng_state()
        with torch.no_grad():
            for parameter in (*module.parameters(), *again.parameters()):
                parameter.add_(0.5)
        for one in (module, again):
            INITIALIZATIONS[name](one, generator(), masks=full(one))
        assert torch.equal(torch.get_rng_state(), world)
        weights = prunable(module)
        for key, weight in weights.items():
            assert torch.equal(weight, prunable(again)[key])
            assert not torch.equal(weight, before.get_parameter(key))
        normed = {f"{path}.{leaf}" for path, part in module.named_modules() for leaf in ("weight", "bias")
                  if isinstance(part, (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm))}  # fmt: skip
        for key, parameter in module.named_parameters():
            if key in normed:
                assert torch.equal(parameter, before.get_parameter(key) + 0.5)
            elif key not in weights:
                assert not bool(parameter.any()), key

    def test_masked_weights_are_zero_and_the_others_as_without_masks(self, name: str, net: str) -> None:
        module = make(net)
        masks = prune(module, Sparsity("random", 0.4), evidence(net))
        INITIALIZATIONS[name](module, generator(), masks=masks)
        other = make(net)
        INITIALIZATIONS[name](other, generator(), masks=None if name != "density_scaled_he" else masks)
        for key, weight in prunable(module).items():
            assert not bool(weight[~masks[key]].any())
            assert torch.equal(weight[masks[key]], prunable(other)[key][masks[key]])


def test_precision_rounds_the_same_draw() -> None:
    single, double = nn.Linear(5, 6), nn.Linear(5, 6).double()
    for module in (single, double):
        orthogonal_(module, generator())
    assert torch.equal(single.weight, double.weight.float())


def test_rotations_are_uniform_in_the_sign_of_their_determinant() -> None:
    """A QR without the sign fix has a determinant of one sign. 400 draws, false alarm 1e-9."""
    source, layer = generator(), nn.Linear(3, 3).double()
    signs = []
    for _ in range(400):
        orthogonal_(layer, source)
        signs.append(float(torch.linalg.det(layer.weight.detach())) > 0)
    assert stats.binomtest(sum(signs), 400).pvalue > 1e-9


def test_gains_are_their_integrals() -> None:
    functions = {
        "identity": lambda z: z, "relu": functional.relu, "relu6": functional.relu6, "elu": functional.elu,
        "leaky_relu": functional.leaky_relu, "selu": functional.selu, "gelu": functional.gelu,
        "silu": functional.silu, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
    }  # fmt: skip
    assert set(functions) == set(GAINS)
    for name, function in functions.items():

        def integrand(z: float, f=function) -> float:  # type: ignore[no-untyped-def]
            return float(f(torch.tensor(z, dtype=torch.float64))) ** 2 * float(stats.norm.pdf(z))

        moment = sum(integrate.quad(integrand, a, b, epsabs=1e-10)[0] for a, b in ((-12, 0), (0, 6), (6, 12)))
        assert GAINS[name] == pytest.approx(moment**-0.5, abs=2e-6), name


@pytest.mark.parametrize("gain", [0.0, -1.0, math.inf, math.nan])
def test_a_gain_must_be_positive_and_finite(gain: float) -> None:
    module = nn.Linear(2, 2)
    before = module.weight.detach().clone()
    with pytest.raises(PruningError, match="gain must be positive and finite; got"):
        he_(module, generator(), gain=gain)
    assert torch.equal(module.weight, before)


def test_masks_that_do_not_fit_and_meta_weights_are_refused_before_anything_is_written() -> None:
    first = nn.Linear(2, 3)
    module = nn.Sequential(first, nn.Linear(3, 2, device="meta"))
    before = first.weight.detach().clone()
    with pytest.raises(PruningError, match=r"must have a mask; got none for '1\.weight'"):
        he_(module, generator(), masks=MaskSet({"0.weight": torch.ones(3, 2, dtype=torch.bool)}))
    with pytest.raises(PruningError, match=r"got a meta tensor \('1.weight'\)"):
        he_(module, generator())
    assert torch.equal(first.weight, before)
