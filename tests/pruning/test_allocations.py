from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import Size

from pruning import ALLOCATIONS, PruningError, prunable
from pruning.allocations.balanced import balanced
from pruning.allocations.er import er
from pruning.allocations.erk import erk
from pruning.allocations.igq import igq
from pruning.allocations.pyramidal import pyramidal
from pruning.allocations.uniform_plus import uniform_plus
from pruning.bisection import crossing
from pruning.counts import exact_counts
from search_spaces import NETWORKS

SHAPES = {"a": Size([10, 10]), "b": Size([20, 10]), "c": Size([5, 20])}
SIZES = {"a": 100, "b": 200, "c": 100}


def sizes_of(shapes: dict[str, Size]) -> dict[str, int]:
    return {name: shape.numel() for name, shape in shapes.items()}


def resnet18() -> dict[str, Size]:
    return {name: weight.shape for name, weight in prunable(NETWORKS["resnet18"].skeleton()).items()}


def test_er_counts_units_and_not_the_kernel() -> None:
    # A 3 x 3 convolution 32 -> 64: density ~ 96 / 2048, so its 18432 weights weigh 96 * 9; a matrix weighs in + out.
    assert er({"conv": Size([64, 32, 3, 3]), "fc": Size([10, 64])}, 0.1) == {"conv": 864.0, "fc": 74.0}
    assert er({"fc": Size([10, 64])}, 0.1) == erk({"fc": Size([10, 64])}, 0.1)


def test_balanced_fills_small_layers_and_raises_the_water_elsewhere() -> None:
    # 210 of 400: 70 each. 330: equal counts would be 110, but a and c hold 100, so b takes 330 - 200.
    assert exact_counts(balanced(SHAPES, 0.0), SIZES, 210) == {"a": 70, "b": 70, "c": 70}
    assert exact_counts(balanced(SHAPES, 0.0), SIZES, 330) == {"a": 100, "b": 130, "c": 100}


def test_pyramidal_densities_are_powers() -> None:
    # r = 1/2: 100/2 + 200/4 + 100/8 = 112.5
    counts = pyramidal(SHAPES, 112.5 / 400)
    assert list(counts.values()) == pytest.approx([50.0, 50.0, 12.5], rel=1e-9)
    assert pyramidal(SHAPES, 1.0) == {"a": 100.0, "b": 200.0, "c": 100.0}


def test_pyramidal_keeps_a_weight_in_each_layer() -> None:
    # 12 of 400 with a floor: 100 r + 200 r^2 + 1 = 12 at r = (-100 + sqrt(100^2 + 4 * 200 * 11)) / 400 (100 r^3 < 1)
    r = (-100 + math.sqrt(100**2 + 4 * 200 * 11)) / 400
    assert list(pyramidal(SHAPES, 12 / 400).values()) == pytest.approx([100 * r, 200 * r * r, 1.0], rel=1e-9)


def test_igq_is_its_closed_form() -> None:
    # force 0.01: 100 / 2 + 200 / 3 + 100 / 2
    assert list(igq(SHAPES, (100 + 200 / 3) / 400).values()) == pytest.approx([50.0, 200 / 3, 50.0], rel=1e-9)
    assert list(igq(SHAPES, 3 / 400).values()) == pytest.approx([1.0, 1.0, 1.0], rel=1e-12)
    assert igq(SHAPES, 1.0) == {"a": 100.0, "b": 200.0, "c": 100.0}


def test_uniform_plus_pays_for_its_first_and_last_layer() -> None:
    # 0.5 of 400: 100 in a, the other 100 over 300, a third each (33.3 of c, above a fifth).
    assert uniform_plus(SHAPES, 0.5) == {"a": 100, "b": 67, "c": 33}
    # 0.3 of 400: 100 in a, 20 over 300 would starve c; c takes a fifth, 20, and nothing is left for b.
    with pytest.raises(PruningError, match=r"got density 0\.3 .* Use at least 0\.3025"):
        uniform_plus(SHAPES, 0.3)
    assert uniform_plus(SHAPES, 0.3025) == {"a": 100, "b": 1, "c": 20}
    assert uniform_plus(SHAPES, 0.35) == {"a": 100, "b": 20, "c": 20}
    assert uniform_plus({"a": Size([10, 10])}, 1.0) == {"a": 100}
    with pytest.raises(PruningError, match=r"Use at least 1\."):
        uniform_plus({"a": Size([10, 10])}, 0.5)


def test_a_fifth_of_the_last_layer_is_rounded_up() -> None:
    shapes = {"a": Size([2, 2]), "b": Size([10, 20]), "c": Size([3, 4])}
    assert uniform_plus(shapes, 30 / 216)["c"] == 3  # 0.2 * 12 = 2.4
    assert all(uniform_plus(shapes, kept / 216)["c"] >= 2.4 for kept in range(8, 217))


@pytest.mark.parametrize(
    ("density", "balanced_clamped", "erk_clamped"),
    [(0.5, 0.266, 0.389), (0.3, 0.190, 0.249), (0.2, 0.138, 0.174), (0.1, 0.079, 0.092), (0.05, 0.044, 0.047)],
)
def test_resnet18_hits_what_clamped_ratios_miss(density: float, balanced_clamped: float, erk_clamped: float) -> None:
    shapes = resnet18()
    sizes = sizes_of(shapes)
    total = sum(sizes.values())
    assert (len(shapes), total) == (21, 11_164_352)
    for shares, expected in ((balanced(shapes, density), balanced_clamped), (erk(shapes, density), erk_clamped)):
        level = density * total / sum(shares.values())
        clamped = sum(min(level * shares[name], size) for name, size in sizes.items()) / total
        assert clamped == pytest.approx(expected, abs=0.0006)
    for name, allocation in ALLOCATIONS.items():
        if allocation is not None:
            counts = exact_counts(allocation(shapes, density), sizes, round(density * total))
            assert sum(counts.values()) == round(density * total), name


def test_pyramidal_starves_the_classifier_of_a_resnet18_at_one_percent() -> None:
    shapes = resnet18()
    counts = pyramidal(shapes, 0.01)
    names = list(shapes)
    assert counts[names[0]] / shapes[names[0]].numel() == pytest.approx(0.698, abs=0.0005)
    assert counts[names[-1]] == pytest.approx(2.7, abs=0.05)  # of 5120


@st.composite
def networks(draw: st.DrawFn) -> tuple[dict[str, Size], float]:
    side = st.integers(1, 60)
    shapes = {f"l{i}": Size([draw(side), draw(side), 3, 3][: draw(st.sampled_from([2, 4]))]) for i in range(6)}
    total = sum(sizes_of(shapes).values())
    return shapes, draw(st.integers(6, total)) / total


@pytest.mark.parametrize("name", sorted(name for name, found in ALLOCATIONS.items() if found is not None))
@given(problem=networks())
def test_every_allocation_hits_the_total_or_says_why_not(name: str, problem: tuple[dict[str, Size], float]) -> None:
    shapes, density = problem
    sizes = sizes_of(shapes)
    total = round(density * sum(sizes.values()))
    allocation = ALLOCATIONS[name]
    assert allocation is not None
    try:
        shares = allocation(shapes, density)
    except PruningError:
        least = sizes["l0"] + math.ceil(sizes["l5"] / 5) + 4
        assert name == "uniform_plus" and total < least
        return
    counts = exact_counts(shares, sizes, total)
    assert sum(counts.values()) == total
    assert all(1 <= counts[layer] <= size for layer, size in sizes.items())
    if name in ("pyramidal", "igq"):  # solved for the total already: scaling and rounding move nothing by a weight
        assert all(abs(counts[layer] - shares[layer]) < 1 + 1e-6 for layer in sizes)
    if name == "uniform_plus":
        assert counts == shares
        assert counts["l0"] == sizes["l0"] and counts["l5"] >= 0.2 * sizes["l5"]


def test_crossing_is_exact_to_the_float() -> None:
    root = crossing(lambda x: -x * x, -2.0, 0.0, 2.0)
    assert root == pytest.approx(math.sqrt(2), rel=1e-15)
    assert crossing(lambda x: 1 - x, 5.0, 0.0, 1.0) == 0.0
