"""Features: names, invariances, and hand cases for each group."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from predictors import GROUPS, PredictorError, feature_names, features
from predictors.features.summary import thirds, variation
from pruning.masks import MaskSet
from tests.predictors.nets import Residual, full_masks, mlp, random_masks

NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "one layer": (lambda: nn.Linear(3, 2), (3,)),
    "mlp": (lambda: mlp(5, 9, 4), (5,)),
    "image mlp": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.Linear(4, 2)), (3, 2, 2)),
    "residual": (Residual, (3, 8, 8)),
}


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("density", [0.0, 0.05, 0.5, 1.0])
def test_same_names_and_finite_values_for_every_network(net: str, density: float) -> None:
    build, shape = NETS[net]
    module = build()
    row = features(module, random_masks(module, density), shape)
    assert tuple(row) == feature_names()
    assert all(math.isfinite(value) for value in row.values())


def test_groups_choose_columns_and_an_unknown_one_is_named() -> None:
    assert set(feature_names(["size"])) == {n for n in feature_names() if n.startswith("size/")}
    assert list(features(mlp(3, 2), {}, (3,), ["spectral", "size"])) == list(feature_names(["spectral", "size"]))
    assert {name.split("/")[0] for name in feature_names()} == set(GROUPS)
    with pytest.raises(PredictorError, match=r"unknown feature group 'sise'; did you mean 'size'\? known: conn"):
        features(mlp(3, 2), {}, (3,), ["sise"])


def _renumbered(net: Residual, masks: MaskSet, seed: int) -> tuple[Residual, MaskSet]:
    """Return the same network with the hidden units of its first three stages in another order."""
    other, moved = Residual(), {name: masks[name] for name in masks}
    other.load_state_dict(net.state_dict())
    rng = np.random.default_rng(seed)
    stem, inner, wide = (torch.from_numpy(rng.permutation(n)) for n in (6, 12, 12))

    def move(name: str, axis: int, order: torch.Tensor) -> None:
        parameter = dict(other.named_parameters())[f"{name}.weight"]
        parameter.data = parameter.data.index_select(axis, order)
        moved[f"{name}.weight"] = moved[f"{name}.weight"].index_select(axis, order)

    move("stem", 0, stem)
    move("first", 1, stem)
    move("project", 1, stem)
    move("first", 0, inner)
    move("second", 1, inner)
    for name, axis in (("second", 0), ("project", 0), ("third", 0), ("third", 1), ("depthwise", 0), ("pointwise", 1)):
        move(name, axis, wide)
    return other, MaskSet(moved)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), density=st.sampled_from([0.05, 0.2, 0.6]))
def test_renumbering_hidden_units_changes_nothing(seed: int, density: float) -> None:
    net = Residual()
    masks = random_masks(net, density, seed % 1000)
    row = features(net, masks, (3, 8, 8))
    other = features(*_renumbered(net, masks, seed), (3, 8, 8))
    for name, value in row.items():
        assert other[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


def test_sizes_by_hand() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
    masks = {"0.weight": torch.zeros(4, 1, 3, 3, dtype=torch.bool), "3.weight": torch.ones(2, 16, dtype=torch.bool)}
    masks["0.weight"][0] = True
    row = features(net, masks, (1, 4, 4), ["size"])
    assert row["size/log_kept"] == pytest.approx(math.log10(1 + 9 + 32))
    assert row["size/log_total"] == pytest.approx(math.log10(1 + 36 + 32))
    assert row["size/log_multiply_adds"] == pytest.approx(math.log10(1 + 9 * 4 + 32))
    assert row["size/log_dense_multiply_adds"] == pytest.approx(math.log10(1 + 36 * 4 + 32))
    assert row["size/log_positions"] == pytest.approx(math.log10(1 + 4 * 4 + 2))
    assert (row["size/layers"], row["size/depth"], row["size/shortcuts"]) == (2, 2, 0)
    assert row["size/log_width_max"] == pytest.approx(math.log10(4))


def test_densities_by_hand() -> None:
    net = mlp(4, 2, 5)
    first, second = torch.zeros(2, 4, dtype=torch.bool), torch.ones(5, 2, dtype=torch.bool)
    first[0, :2] = True
    row = features(net, {"0.weight": first, "2.weight": second}, (4,), ["density"])
    assert row["density/mean"] == pytest.approx((0.25 + 1) / 2)
    assert row["density/log_mean"] == pytest.approx(math.log10(0.25) / 2)
    assert row["density/log_overall"] == pytest.approx(math.log10(12 / 18))
    shares = np.array([2 / 12, 10 / 12])
    assert row["density/entropy"] == pytest.approx(float(-(shares * np.log(shares)).sum() / np.log(2)))
    assert row["density/from_uniform"] == pytest.approx((abs(0.25 - 12 / 18) + abs(1 - 12 / 18)) / 2)
    assert row["density/first_inverse_root"] == pytest.approx(-(2**-0.5))


def test_distance_to_erk_is_zero_for_an_erk_mask_only() -> None:
    """Oracle: density_l = level * (in + out) / (in * out) at a density where no layer is full (Evci et al. 2020)."""
    net = mlp(40, 60, 30, 10)
    kept = {name: sum(p.shape) * 3 for name, p in net.named_parameters()}
    masks = {name: torch.arange(p.numel()).reshape(p.shape) < kept[name] for name, p in net.named_parameters()}
    row = features(net, masks, (40,), ["density"])
    assert row["density/from_erk"] == 0
    assert row["density/log_over_erk"] == pytest.approx(0, abs=1e-12)
    uniform = {name: torch.arange(p.numel()).reshape(p.shape) % 10 == 0 for name, p in net.named_parameters()}
    row = features(net, uniform, (40,), ["density"])
    assert row["density/from_uniform"] == 0
    assert row["density/from_erk"] > 0.01


def test_dead_units_and_bottleneck_by_hand() -> None:
    """4-3-3-2: unit 0 of the first layer is fed but not read; unit 2 of the second reads only an unfed unit."""
    net = mlp(4, 3, 3, 2)
    first = torch.tensor([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=torch.bool)
    second = torch.tensor([[0, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.bool)
    third = torch.tensor([[1, 0, 1], [0, 0, 0]], dtype=torch.bool)
    masks = {"0.weight": first, "2.weight": second, "4.weight": third}
    row = features(net, masks, (4,), ["connectivity"])
    assert row["connectivity/dead_out_mean"] == pytest.approx((1 / 3 + 0 + 1 / 2) / 3)
    assert row["connectivity/dead_out_max"] == pytest.approx(1 / 2)
    assert row["connectivity/dead_in_mean"] == pytest.approx((2 / 4 + 1 / 3 + 1 / 3) / 3)
    # the only way: input 0 -> unit 1 -> unit 0 -> output 0, three of the eight kept entries
    assert row["connectivity/log_effective"] == pytest.approx(math.log10(1 + 3))
    assert row["connectivity/effective_share"] == pytest.approx(3 / 8)
    assert row["connectivity/log_alive_min"] == pytest.approx(math.log10(2))
    assert row["connectivity/alive_share_mean"] == pytest.approx((1 / 3 + 1 / 3 + 1 / 2) / 3)
    assert row["connectivity/alive_in_share_mean"] == pytest.approx((1 / 4 + 1 / 3 + 1 / 3) / 3)


def test_effective_entries_are_those_with_a_gradient() -> None:
    """Oracle: with masks for weights and no activation, an entry on a way from input to output has a gradient."""

    class Linearised(Residual):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.stem(x)
            x = self.second(self.first(x)) + self.project(x)
            x = x + self.third(x)
            out: torch.Tensor = self.head(self.pointwise(self.depthwise(x)).mean((2, 3)))
            return out

    net = Linearised(8)
    masks = {n: m if m.ndim < 4 else m[:, :, :1, :1].expand(m.shape) for n, m in random_masks(net, 0.3).items()}
    row = features(net, MaskSet(masks), (3, 8, 8), ["connectivity"])
    for name, parameter in net.named_parameters():
        parameter.data = masks[name].double() if name in masks else torch.zeros_like(parameter, dtype=torch.float64)
    net(torch.ones(1, 3, 8, 8, dtype=torch.float64)).sum().backward()
    effective = 0
    for name, parameter in net.named_parameters():
        if name in masks:
            assert parameter.grad is not None
            effective += int(((parameter.grad > 0) & masks[name]).sum())
    kept = sum(int(mask.sum()) for mask in masks.values())
    assert 0 < effective < kept
    assert 10 ** row["connectivity/log_effective"] - 1 == pytest.approx(effective)


def test_degrees_by_hand() -> None:
    mask = torch.tensor([[1, 1, 0], [0, 1, 0]], dtype=torch.bool)
    row = features(mlp(3, 2), {"0.weight": mask}, (3,), ["degree"])
    assert row["degree/log_in_mean"] == pytest.approx(math.log10(1 + 1.5))
    assert row["degree/log_out_mean"] == pytest.approx(math.log10(1 + 1))
    assert row["degree/in_variation_mean"] == pytest.approx(0.5 / 1.5)
    assert row["degree/log_out_least"] == 0
    assert row["degree/log_out_most"] == pytest.approx(math.log10(3))


def test_spectra_of_known_matrices() -> None:
    net = mlp(16, 16)
    dense = features(net, full_masks(net), (16,), ["spectral"])
    assert dense["spectral/expansion_mean"] == pytest.approx(1)  # s_1 = 16, degrees 16 and 16
    assert dense["spectral/stable_rank_mean"] == pytest.approx(1 / 16)
    assert dense["spectral/effective_rank_mean"] == pytest.approx(1 / 16)
    diagonal = features(net, {"0.weight": torch.eye(16, dtype=torch.bool)}, (16,), ["spectral"])
    assert diagonal["spectral/stable_rank_mean"] == pytest.approx(1)
    assert diagonal["spectral/effective_rank_mean"] == pytest.approx(1)


def test_spectra_agree_with_a_decomposition() -> None:
    net = mlp(30, 20)
    mask = random_masks(net, 0.4)["0.weight"]
    row = features(net, {"0.weight": mask}, (30,), ["spectral"])
    matrix = mask.double().numpy()
    top = np.linalg.svd(matrix, compute_uv=False)[0] ** 2
    assert row["spectral/stable_rank_mean"] == pytest.approx(matrix.sum() / top / 20, rel=1e-3)
    scaled = matrix / np.sqrt(matrix.sum(1, keepdims=True) * matrix.sum(0, keepdims=True))
    squares = np.linalg.svd(scaled, compute_uv=False) ** 2
    assert row["spectral/effective_rank_mean"] == pytest.approx(squares.sum() ** 2 / (squares**2).sum() / 20)


def test_profile_resamples_the_main_branch() -> None:
    net = mlp(8, 8, 8, 8)
    masks = {
        n: torch.arange(64).reshape(8, 8) < k
        for n, k in zip(("0.weight", "2.weight", "4.weight"), (64, 16, 4), strict=True)
    }
    row = features(net, masks, (8,), ["profile"])
    logs = [0.0, math.log10(1 / 4), math.log10(1 / 16)]
    expected = np.interp([0, 1 / 3, 2 / 3, 1], [0, 0.5, 1], logs)
    np.testing.assert_allclose([row[f"profile/log_density{i}"] for i in range(4)], expected)


def test_thirds_divide_any_number_of_layers() -> None:
    assert list(thirds("x", np.array([1.0, 2.0, 3.0])).values()) == pytest.approx([1, 2, 3])
    assert list(thirds("x", np.array([5.0])).values()) == pytest.approx([5, 5, 5])
    assert list(thirds("x", np.array([1.0, 4.0])).values()) == pytest.approx([1, 2.5, 4])
    assert variation(np.zeros(3)) == 0


def test_erk_masks_do_not_deviate_from_themselves() -> None:
    net = mlp(40, 60, 30, 10)
    kept = {name: sum(p.shape) * 3 for name, p in net.named_parameters()}
    masks = {name: torch.arange(p.numel()).reshape(p.shape) < kept[name] for name, p in net.named_parameters()}
    row = features(net, masks, (40,), ["erk"])
    counted = [name for name in row if "over" in name and not name.endswith(("effective", "spread"))]
    assert len(counted) == 10
    for name in counted:
        assert row[name] == pytest.approx(0, abs=1e-12), name
    total = sum(kept.values())
    assert row["erk/log_kept"] == row["erk/log_multiply_adds"] == pytest.approx(math.log10(total))


def test_deviations_from_erk_by_hand() -> None:
    """4-2-5 with 2 and 10 entries kept of 8 and 10: ERK would keep 12 * 6 / 13 and 12 * 7 / 13, about 6 and 6."""
    first, second = torch.zeros(2, 4, dtype=torch.bool), torch.ones(5, 2, dtype=torch.bool)
    first[0, :2] = True
    row = features(mlp(4, 2, 5), {"0.weight": first, "2.weight": second}, (4,), ["erk"])
    expected = (math.log10(2 / 8) + math.log10(10 / 10) - math.log10(6 / 8) - math.log10(6 / 10)) / 2
    assert row["erk/over_log_mean"] == pytest.approx(expected)
    assert row["erk/over_first"] == pytest.approx(6**-0.5 - 2**-0.5)
    assert row["erk/over_log_effective"] == pytest.approx(math.log10((2 + 5) / 12))


def test_path_lengths_and_cut_by_hand() -> None:
    """A stem, then a block of two layers beside the identity: a way of 2 weights and one of 4."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.a, self.b, self.head = (nn.Linear(1, 1, bias=False) for _ in range(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.stem(x)
            out: torch.Tensor = self.head(x + self.b(self.a(x)))
            return out

    row = features(Block(), {}, (1,), ["paths", "connectivity"])
    assert row["paths/length"] == pytest.approx(3 / 4)
    assert row["paths/shortest"] == pytest.approx(2 / 4)
    assert row["connectivity/log_cut"] == pytest.approx(math.log10(2))
    cut = features(Block(), {"a.weight": torch.zeros(1, 1, dtype=torch.bool)}, (1,), ["paths", "connectivity"])
    assert cut["paths/length"] == pytest.approx(2 / 4)
    none = features(Block(), {"stem.weight": torch.zeros(1, 1, dtype=torch.bool)}, (1,), ["paths", "connectivity"])
    assert (none["paths/length"], none["paths/shortest"], none["connectivity/log_cut"]) == (0, 0, 0)


def test_minimum_cut_is_the_least_layer_of_a_chain() -> None:
    net = mlp(6, 5, 4, 3)
    masks = {"2.weight": torch.zeros(4, 5, dtype=torch.bool)}
    masks["2.weight"][:2, :2] = True
    row = features(net, masks, (6,), ["connectivity"])
    assert row["connectivity/log_cut"] == pytest.approx(math.log10(1 + 4))


def test_gaps_of_known_matrices() -> None:
    """A complete pair of sides has gap 1, two parts have none, and a random mask what a decomposition says."""
    assert features(mlp(8, 6), {}, (8,), ["spectral"])["spectral/gap_mean"] == pytest.approx(1)
    parts = torch.zeros(6, 8, dtype=torch.bool)
    parts[:2, :3] = parts[2:, 3:] = True
    assert features(mlp(8, 6), {"0.weight": parts}, (8,), ["spectral"])["spectral/gap_mean"] == pytest.approx(
        0, abs=1e-9
    )
    mask = random_masks(mlp(30, 20), 0.4, 3)["0.weight"]
    matrix = mask.double().numpy()
    scaled = matrix / np.sqrt(matrix.sum(1, keepdims=True) * matrix.sum(0, keepdims=True))
    second = np.linalg.svd(scaled, compute_uv=False)[1]
    found = features(mlp(30, 20), {"0.weight": mask}, (30,), ["spectral"])["spectral/gap_mean"]
    assert 1 - second <= found <= 1 - 0.9 * second
