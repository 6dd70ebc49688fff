from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from pruning import (
    Evidence,
    PruningError,
    Sparsity,
    guaranteed_width_factor,
    heuristic_width_factor,
    prune,
)
from pruning.width import equal_count_width_factor, guaranteed_widths, success_probability


def bernoulli(shape: tuple[int, int], density: float, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=torch.float64) < density


def test_success_formula_against_masks() -> None:
    # 5 inputs must each reach one of n units: 600 Bernoulli masks of each kind. The standard error is at most 0.02;
    # five of them are allowed for each of three cases: a false alarm is below 1e-5, and the seed is fixed.
    generator = torch.Generator().manual_seed(0)
    for density, units in ((0.5, 4), (0.2, 12), (0.1, 20)):
        layer = nn.Linear(5, units, bias=False)
        sparsity = Sparsity("random", density, sampling="bernoulli", allow_empty=True)
        masks = [prune(layer, sparsity, Evidence((5,), generator))["weight"] for _ in range(600)]
        seen = sum(bool(mask.any(0).all()) for mask in masks) / 600
        assert abs(seen - success_probability(density, units, 5)) < 5 * 0.0205


@pytest.mark.parametrize("density", [0.5, 0.2, 0.1, 0.003, 1.0])
@pytest.mark.parametrize("requirements", [1, 1000, 10**9])
def test_the_guaranteed_factor_is_the_least_that_succeeds(density: float, requirements: int) -> None:
    copies = guaranteed_width_factor(density, requirements, 0.05)
    assert success_probability(density, copies, requirements) >= 0.95 * (1 - 1e-9)
    assert success_probability(density, copies - 1, requirements) < 0.95


def test_published_examples() -> None:
    # Measured beside the formula for m = 1000, failure 0.05: 15, 45 and 94 copies give 0.970, 0.957 and 0.951.
    for density, copies, success in ((0.5, 15, 0.970), (0.2, 45, 0.957), (0.1, 94, 0.951)):
        assert guaranteed_width_factor(density, 1000, 0.05) == copies
        assert success_probability(density, copies, 1000) == pytest.approx(success, abs=0.0006)


@pytest.mark.parametrize(("sparsity", "factor"), [(0.5, 1.44), (0.7, 2.80), (0.8, 4.48), (0.9, 9.49), (0.99, 99.5)])
def test_the_heuristic_factor_is_the_paper_s(sparsity: float, factor: float) -> None:
    assert heuristic_width_factor(1 - sparsity) == pytest.approx(factor, rel=0.003)
    assert heuristic_width_factor(0.7) == heuristic_width_factor(1.0) == 1.0  # 1 / ln(1 / 0.3) = 0.83 is no widening
    assert equal_count_width_factor(1 - sparsity) == pytest.approx(1 / math.sqrt(1 - sparsity))


@pytest.mark.parametrize(("density", "copies"), [(0.5, (15, 10)), (0.3, (30, 20)), (0.2, (49, 31))])
def test_widths_of_a_small_target(density: float, copies: tuple[int, int]) -> None:
    widths = guaranteed_widths([6, 10, 3], [density] * 3, 0.1)
    seen = 1 - (1 - density) ** 6
    assert widths == [math.ceil(1.05 * 6 * copies[0] / seen), 10 * copies[1]]


def planted(widths: list[int], density: float, generator: torch.Generator) -> bool:
    """Return whether a masked 6 - . - . - 3 network holds an edge for every weight of a dense 6 - 10 - 3 target."""
    first, hidden = widths
    into = bernoulli((first, 6), density, generator)
    owned = torch.zeros(6, dtype=torch.int64)
    owner = torch.full((first,), -1)
    for unit in range(first):  # each unit copies the least-served input it can see
        if bool(into[unit].any()):
            choice = int(owned.where(into[unit], torch.tensor(10**6)).argmin())
            owner[unit] = choice
            owned[choice] += 1
    middle = bernoulli((hidden, first), density, generator)
    reached = all(bool(middle[:, owner == i].any(1).all()) for i in range(6))
    last = bernoulli((3, hidden), density, generator).view(3, 10, hidden // 10)
    return reached and bool(last.any(2).all())


@pytest.mark.parametrize("density", [0.5, 0.2])
def test_the_guaranteed_widths_hold_the_target_and_half_of_them_do_not(density: float) -> None:
    # 200 trials with a failure probability of 0.1 at most: fewer than 160 successes have probability 1e-5.
    generator = torch.Generator().manual_seed(0)
    widths = guaranteed_widths([6, 10, 3], [density] * 3, 0.1)
    assert sum(planted(widths, density, generator) for _ in range(200)) >= 160
    halved = [widths[0] // 2, widths[1] // 20 * 10]
    assert sum(planted(halved, density, generator) for _ in range(200)) < 80


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: heuristic_width_factor(0.0), r"density must be in \(0, 1\]; got 0.0"),
        (lambda: guaranteed_width_factor(1.5, 3), r"density must be in \(0, 1\]; got 1.5"),
        (lambda: guaranteed_width_factor(0.5, 0), "requirements must be >= 1; got 0"),
        (lambda: guaranteed_width_factor(0.5, 3, 1.0), r"failure must be in \(0, 1\); got 1.0"),
        (lambda: guaranteed_widths([6, 3], [0.5], 0.1), r"k \+ 1 sizes >= 1 .*; got sizes \[6, 3\], 1 densities"),
    ],
)
def test_rules(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(PruningError, match=message):
        call()
