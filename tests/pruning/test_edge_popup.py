"""Edge-popup: the weights stay, the counts are exact, and scores learn what the straight-through formula says."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from pruning import MaskSet, PruningError, Sparsity, prunable, prune
from pruning.dynamic import EdgePopup
from pruning.initialization import INITIALIZATIONS
from tests.pruning.nets import NETS, evidence, make


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def fit(module: nn.Module, strong: EdgePopup, net: str, steps: int) -> list[MaskSet]:
    given = evidence(net)
    optimizer = torch.optim.SGD(strong.parameters(), 0.1, momentum=0.9, weight_decay=1e-3)
    masks = []
    for _ in range(steps):
        optimizer.zero_grad()
        functional.cross_entropy(module(given.inputs), given.targets).backward()  # type: ignore[arg-type, no-untyped-call]
        optimizer.step()
        masks.append(strong.masks)
    return masks


@pytest.mark.parametrize("net", sorted(NETS))
def test_weights_stay_bit_for_bit_and_nothing_leaves_the_allowed_mask(net: str) -> None:
    module = make(net)
    INITIALIZATIONS["signed_constant"](module, generator())
    before = {name: value.clone() for name, value in module.named_parameters()}
    allowed = prune(module, Sparsity("random", 0.6, allocation="erk"), evidence(net))
    strong = EdgePopup(module, density=0.3, allowed=allowed, generator=generator(1))
    found = fit(module, strong, net, 20)
    assert len(set(found)) > 1
    module(evidence(net).inputs)
    for masks in found:
        assert masks.counts() == strong.counts
        assert masks.kept == round(0.3 * masks.total)
        assert all(not bool((masks[name] & ~allowed[name]).any()) for name in masks)
    last = found[-1]
    for name, value in module.named_parameters():
        expected = before[name].masked_fill(~last[name], 0.0) if name in last else before[name]
        assert torch.equal(value, expected)
        assert name not in last or torch.equal(strong.constants[name], before[name])


def test_scores_have_the_straight_through_gradient() -> None:
    """By differences: what the loss gains per unit of a weight's multiplier, at every place, times the sign."""
    module = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    INITIALIZATIONS["he"](module, generator(3))
    strong = EdgePopup(module, density=0.5, generator=generator(1))
    inputs = torch.randn(6, 4, generator=generator(2), dtype=torch.float64)
    module(inputs).pow(2).sum().backward()
    masks = strong.masks
    for name, score in strong.scores.items():
        assert score.grad is not None
        for index in range(score.numel()):
            values = []
            for shift in (-1e-6, 1e-6):
                multiplier = masks[name].double()
                multiplier.view(-1)[index] += shift
                changed = {name: strong.constants[name] * multiplier}
                values.append(float(torch.func.functional_call(module, changed, (inputs,)).detach().pow(2).sum()))
            slope = (values[1] - values[0]) / 2e-6 * math.copysign(1.0, float(score.view(-1)[index]))
            assert float(score.grad.view(-1)[index]) == pytest.approx(slope, rel=1e-5, abs=1e-7)
        assert prunable(module)[name].grad is None


def test_scores_outside_have_no_gradient() -> None:
    module = make("tied")
    allowed = prune(module, Sparsity("random", 0.5), evidence("tied"))
    strong = EdgePopup(module, density=0.2, allowed=allowed, generator=generator())
    module(evidence("tied").inputs).sum().backward()
    for name, score in strong.scores.items():
        assert score.grad is not None
        assert not bool(score.grad[~allowed[name]].any())
        assert bool(score.grad[allowed[name]].any())


def test_the_loss_falls_without_a_weight_changing() -> None:
    module = make("tied")
    INITIALIZATIONS["signed_constant"](module, generator())
    strong = EdgePopup(module, density=0.5, generator=generator())
    given = evidence("tied")

    def loss() -> float:
        with torch.no_grad():
            return float(functional.cross_entropy(module(given.inputs), given.targets))  # type: ignore[arg-type]

    before = loss()
    fit(module, strong, "tied", 60)
    assert loss() < 0.85 * before


def test_signed_constants_are_of_one_size_and_either_sign() -> None:
    module = nn.Sequential(nn.Conv2d(8, 64, 3, groups=2), nn.Flatten(), nn.Linear(50, 300))
    INITIALIZATIONS["signed_constant"](module, generator())
    for name, fan_in in (("0.weight", 4 * 9), ("2.weight", 50)):
        weight = prunable(module)[name].detach()
        torch.testing.assert_close(weight.abs(), torch.full_like(weight, math.sqrt(2 / fan_in)))
        share = float((weight > 0).double().mean())
        assert abs(share - 0.5) < 5 * 0.5 / math.sqrt(weight.numel())  # false alarm: 6e-7


def test_release_leaves_a_plain_masked_network() -> None:
    module = make("tied")
    strong = EdgePopup(module, density=0.3, generator=generator())
    strong.release()
    module(evidence("tied").inputs).sum().backward()
    assert all(not bool(weight[~strong.masks[name]].any()) for name, weight in prunable(module).items())
    assert prunable(module)["first.weight"].grad is not None
    assert strong.scores["first.weight"].grad is None


def test_more_than_is_allowed_is_refused() -> None:
    module = make("tied")
    allowed = prune(module, Sparsity("random", 0.3), evidence("tied"))
    with pytest.raises(PruningError, match=r"density must be at most the allowed mask's 0\.\d+"):
        EdgePopup(module, density=0.5, allowed=allowed, generator=generator())


def test_given_counts_are_kept() -> None:
    module = make("tied")
    allowed = prune(module, Sparsity("random", 0.6), evidence("tied"))
    counts = prune(module, Sparsity("random", 0.3, allocation="erk"), evidence("tied")).counts()
    strong = EdgePopup(module, counts=counts, allowed=allowed, generator=generator())
    assert {masks.kept for masks in fit(module, strong, "tied", 5)} == {sum(counts.values())}
    assert strong.masks.counts() == counts


def test_counts_that_cannot_be_had_are_refused() -> None:
    module = make("tied")
    counts = prune(module, Sparsity("random", 0.3), evidence("tied")).counts()
    name = next(iter(counts))
    for wrong, least in (({**counts, name: 10**6}, 1), ({**counts, name: 0}, 1), ({"other": 3, **counts}, 0)):
        with pytest.raises(PruningError, match=rf"between one weight and what it is allowed, \d{{{least},}}; got"):
            EdgePopup(module, counts=wrong, generator=generator())
    for both in ({}, {"density": 0.3, "counts": counts}):
        with pytest.raises(PruningError, match=r"either density or counts; got (neither|both)"):
            EdgePopup(module, generator=generator(), **both)  # type: ignore[arg-type]
