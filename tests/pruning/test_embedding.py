"""Targets inside random masks: equal outputs when it succeeds, and success as often as the formula says."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from pruning import Evidence, MaskSet, PruningError, Sparsity, hold_, prune
from pruning.embedding import NOTHING, copied_inputs, embed_, embedding_probability
from pruning.width import first_width, guaranteed_copies, guaranteed_widths

SIZES = (4, 5, 2)


def mlp(sizes: tuple[int, ...], seed: int = 0) -> nn.Sequential:
    generator = torch.Generator().manual_seed(seed)
    parts: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layer = nn.Linear(inputs, outputs).double()
        for parameter in layer.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parts += [layer, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def source(widths: list[int], density: float, generator: torch.Generator) -> tuple[nn.Sequential, MaskSet]:
    module = mlp((SIZES[0], *widths, SIZES[-1]))
    sparsity = Sparsity("random", density, sampling="bernoulli", allow_empty=True)
    return module, prune(module, sparsity, Evidence((SIZES[0],), generator))


def weights(target: nn.Sequential) -> list[Tensor]:
    return [layer.weight.detach() for layer in target if isinstance(layer, nn.Linear)]


@pytest.mark.parametrize("density", [0.5, 0.3, 1.0])
def test_an_embedded_target_answers_the_same(density: float) -> None:
    generator, target = torch.Generator().manual_seed(0), mlp(SIZES, seed=7)
    widths = guaranteed_widths(SIZES, [density] * 3, 0.01)
    inputs = torch.rand(50, SIZES[0], generator=generator, dtype=torch.float64) * 4 - 2
    done = 0
    for _ in range(20):
        module, masks = source(widths, density, generator)
        if embed_(module, masks, target, low=-2.0):
            assert all(not bool(module.get_parameter(name)[~mask].any()) for name, mask in masks.items())
            hold_(module, masks)
            torch.testing.assert_close(module(inputs), target(inputs), rtol=1e-10, atol=1e-10)
            done += 1
    assert done >= 17  # each fails with probability 0.01 at most: four of 20 with 4e-5


@pytest.mark.parametrize("density", [0.5, 0.2])
def test_success_is_as_frequent_as_the_formula_says(density: float) -> None:
    """Success given the first layer is a Bernoulli variable of known probability, other in each trial.

    Their sum's deviation from its mean is within 4.9 standard deviations with a false alarm of 1e-6 (normal
    approximation), and the seed is fixed.
    """
    generator, target = torch.Generator().manual_seed(1), mlp(SIZES, seed=7)
    copies = [math.ceil(0.75 * count) for count in guaranteed_copies(SIZES, [density] * 3, 0.1)]
    widths = [first_width(SIZES[0], copies[0], density), SIZES[1] * copies[1]]
    successes, chances = 0, []
    for _ in range(200):
        module, masks = source(widths, density, generator)
        copied = copied_inputs(masks["0.weight"])
        chances.append(embedding_probability(weights(target), copied, widths, [density] * 2))
        successes += embed_(module, masks, target)
    mean, variance = sum(chances), sum(chance * (1 - chance) for chance in chances)
    assert 40 < mean < 190
    assert abs(successes - mean) < 4.9 * math.sqrt(variance)


def test_a_target_with_zeros_needs_less() -> None:
    """By hand: one hidden copy each, weights of zero ask for nothing."""
    target = mlp((2, 2, 1), seed=3)
    weights(target)[0][0, 1] = 0.0
    copied = torch.tensor([0, 1, 1])
    found = embedding_probability(weights(target), copied, [3, 2], [0.5, 0.5])
    first = 0.5**2 * (1 - 0.5**2)  # input 0, one copy, two readers; input 1, two copies, one reader
    assert found == pytest.approx(first * 0.5**2)


def test_a_missing_edge_is_a_failure() -> None:
    target = mlp((2, 2, 1), seed=3)
    module = mlp((2, 2, 2, 1))
    ones = {name: torch.ones_like(p, dtype=torch.bool) for name, p in module.named_parameters() if "weight" in name}
    assert embed_(module, ones, target)
    ones["4.weight"][0, 1] = False
    assert not embed_(module, ones, target)


def test_units_copy_what_is_copied_least_of_what_they_see() -> None:
    mask = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 0], [1, 0, 1], [1, 1, 1], [0, 1, 1]]).bool()
    assert copied_inputs(mask).tolist() == [0, 1, NOTHING, 2, 0, 1]


def test_networks_that_do_not_fit_are_refused() -> None:
    masks: dict[str, Tensor] = {}
    for sizes in ((4, 9, 2), (4, 9, 4, 2), (3, 9, 9, 2)):
        with pytest.raises(PruningError, match=r"one layer more than the target.*; got sizes \["):
            embed_(mlp(sizes), masks, mlp(SIZES))
