from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from pruning import PruningError
from pruning.allocations.erk import erk
from pruning.allocations.uniform import uniform
from pruning.counts import budget, exact_counts

LENET = {"fc1": torch.Size([300, 784]), "fc2": torch.Size([100, 300]), "fc3": torch.Size([10, 100])}


def sizes_of(shapes: dict[str, torch.Size]) -> dict[str, int]:
    return {name: shape.numel() for name, shape in shapes.items()}


def test_erk_is_its_closed_form_when_no_layer_fills() -> None:
    sizes = sizes_of(LENET)
    total = round(0.05 * sum(sizes.values()))
    counts = exact_counts(erk(LENET, 0.05), sizes, total)
    scale = total / (1084 + 400 + 110)  # density_l = scale (in + out) / (in out), so kept_l = scale (in + out)
    assert sum(counts.values()) == total
    assert all(abs(counts[n] - scale * s) < 1 for n, s in (("fc1", 1084), ("fc2", 400)))
    # fc3: 13311 / 1594 * 110 = 918.6 of 1000, not yet full
    assert counts["fc3"] in (918, 919)


def test_erk_redistributes_what_full_layers_cannot_take() -> None:
    # Shapes (8, 4) (4, 4) (2, 2), sums 12, 8, 4, sizes 32, 16, 4; keep 32. By hand: level 32/24 wants 16, 10.67,
    # 5.33; the last is full with 4, and 28 over 12 + 8 gives level 1.4: 16.8, 11.2.
    shapes = {"a": torch.Size([8, 4]), "b": torch.Size([4, 4]), "c": torch.Size([2, 2])}
    assert exact_counts(erk(shapes, 0.0), sizes_of(shapes), 32) == {"a": 17, "b": 11, "c": 4}
    # Keep 48: level 2.2 over 12 + 8 wants 26.4 and 17.6 > 16, so b fills too and a takes 48 - 16 - 4.
    assert exact_counts(erk(shapes, 0.0), sizes_of(shapes), 48) == {"a": 28, "b": 16, "c": 4}


def test_erk_counts_a_kernel_by_the_sum_of_its_sizes() -> None:
    shapes = {"conv": torch.Size([64, 32, 3, 3]), "depthwise": torch.Size([64, 1, 3, 3])}
    assert erk(shapes, 0.1) == {"conv": 102.0, "depthwise": 71.0}


def test_erk_hits_half_where_clamping_misses_it() -> None:
    # The CIFAR ResNet-18's 21 tensors: clamped ERK keeps 0.389 of them when asked for 0.5.
    widths = [64, 64, 128, 256, 512]
    shapes = {"stem": torch.Size([64, 3, 3, 3]), "head": torch.Size([10, 512])}
    for stage, (before, width) in enumerate(pairwise(widths)):
        shapes |= {f"{stage}.{i}": torch.Size([width, width if i else before, 3, 3]) for i in range(4)}
        if before != width:
            shapes[f"{stage}.shortcut"] = torch.Size([width, before, 1, 1])
    sizes = sizes_of(shapes)
    total = sum(sizes.values())
    shares = erk(shapes, 0.5)
    level = 0.5 * total / sum(shares.values())
    clamped = sum(min(level * shares[name], size) for name, size in sizes.items()) / total
    assert len(shapes) == 21
    assert clamped == pytest.approx(0.389, abs=0.002)
    assert sum(exact_counts(shares, sizes, round(0.5 * total)).values()) == round(0.5 * total)


def test_uniform_gives_every_layer_the_same_density() -> None:
    counts = exact_counts(uniform(LENET, 0.1), sizes_of(LENET), 26620)
    assert counts == {"fc1": 23520, "fc2": 3000, "fc3": 100}


def test_largest_remainder_goes_up_and_ties_to_the_earlier_layer() -> None:
    sizes = {"a": 10, "b": 10, "c": 10}
    assert exact_counts({"a": 1.0, "b": 1.0, "c": 1.0}, sizes, 10) == {"a": 4, "b": 3, "c": 3}
    assert exact_counts({"a": 1.0, "b": 1.2, "c": 1.8}, sizes, 10) == {"a": 3, "b": 3, "c": 4}  # 2.5 3.0 4.5


@st.composite
def problems(draw: st.DrawFn) -> tuple[dict[str, float], dict[str, int], int]:
    layers = draw(st.integers(1, 12))
    sizes = {f"l{i}": draw(st.integers(1, 100_000)) for i in range(layers)}
    shares = {name: draw(st.floats(1e-3, 1e5)) for name in sizes}
    return shares, sizes, draw(st.integers(layers, sum(sizes.values())))


@given(problems())
def test_counts_are_exact_bounded_and_within_one_of_the_water_level(
    problem: tuple[dict[str, float], dict[str, int], int],
) -> None:
    shares, sizes, total = problem
    counts = exact_counts(shares, sizes, total)
    assert sum(counts.values()) == total
    assert all(1 <= counts[name] <= size for name, size in sizes.items())
    low, high = 0.0, 2 * max(size / shares[name] for name, size in sizes.items())
    for _ in range(200):  # the water level by bisection, independently of the sweep
        middle = (low + high) / 2
        full = math.fsum(min(max(middle * shares[n], 1), size) for n, size in sizes.items())
        low, high = (middle, high) if full < total else (low, middle)
    for name, size in sizes.items():
        assert abs(counts[name] - min(max(high * shares[name], 1), size)) < 1 + 1e-4


@given(problems(), st.floats(1e-6, 1e6))
def test_counts_do_not_depend_on_the_unit_of_the_shares(
    problem: tuple[dict[str, float], dict[str, int], int], unit: float
) -> None:
    shares, sizes, total = problem
    scaled = {name: unit * share for name, share in shares.items()}
    assert exact_counts(scaled, sizes, total) == exact_counts(shares, sizes, total)


@given(problems())
def test_a_larger_share_of_an_equal_layer_never_keeps_less(
    problem: tuple[dict[str, float], dict[str, int], int],
) -> None:
    shares, sizes, total = problem
    assume(len(sizes) > 1)
    sizes["l1"] = sizes["l0"]
    assume(len(sizes) <= total <= sum(sizes.values()))
    shares["l1"] = 2 * shares["l0"]
    counts = exact_counts(shares, sizes, total)
    assert counts["l1"] >= counts["l0"]


@pytest.mark.parametrize("total", [2, 31])
def test_infeasible_totals_are_refused(total: int) -> None:
    sizes = {"a": 10, "b": 10, "c": 10}
    with pytest.raises(PruningError, match=rf"must be in 3\.\.30 .*; got {total}"):
        exact_counts(dict.fromkeys(sizes, 1.0), sizes, total)


def test_budget_rounds_the_product() -> None:
    assert budget(0.1, {"a": 333, "b": 2}) == 34
    assert budget(1.0, {"a": 333, "b": 2}) == 335
