from __future__ import annotations

import torch
from torch import nn

from pruning import Sparsity, prunable, prune
from pruning.methods.magnitude_std import magnitude_std
from tests.pruning.nets import evidence, make


def test_global_is_class_blind() -> None:
    module = make("tied")
    with torch.no_grad():
        for number, weight in enumerate(prunable(module).values()):
            weight.mul_(1 + number)
    masks = prune(module, Sparsity("magnitude", 0.5), evidence("tied"))
    sizes = torch.cat([weight.detach().abs().flatten() for weight in prunable(module).values()])
    kept = torch.cat([masks[name].flatten() for name in masks])
    assert sizes[kept].min() > sizes[~kept].max()


def test_uniform_is_class_uniform() -> None:
    module = make("tied")
    masks = prune(module, Sparsity("magnitude", 0.5, "uniform"), evidence("tied"))
    for name, weight in prunable(module).items():
        size = weight.detach().abs()
        assert abs(int(masks[name].sum()) - 0.5 * weight.numel()) < 1
        assert size[masks[name]].min() > size[~masks[name]].max()


def test_an_outshone_layer_keeps_its_best_weight_only() -> None:
    last = nn.Linear(20, 5)
    module = nn.Sequential(nn.Linear(10, 20), last)
    with torch.no_grad():
        last.weight.mul_(1e-6)
    masks = prune(module, Sparsity("magnitude", 0.4), evidence("tied"))
    best = last.weight.detach().abs()
    assert masks["1.weight"].nonzero().tolist() == (best == best.max()).nonzero().tolist()
    assert int(masks["0.weight"].sum()) == 120 - 1


def test_std_is_class_distributed() -> None:
    # One threshold for all layers in units of their own deviation: the share kept does not depend on the scales.
    module = make("tied")
    before = prune(module, Sparsity("magnitude_std", 0.3), evidence("tied"))
    with torch.no_grad():
        for number, weight in enumerate(prunable(module).values()):
            weight.mul_(1 + 9 * number)
    masks = prune(module, Sparsity("magnitude_std", 0.3), evidence("tied"))
    assert masks == before != prune(module, Sparsity("magnitude", 0.3), evidence("tied"))
    weights = {name: weight.detach().double() for name, weight in prunable(module).items()}
    units = {name: weight.abs() / weight.std(correction=0) for name, weight in weights.items()}
    kept = torch.cat([units[name][masks[name]] for name in masks])
    removed = torch.cat([units[name][~masks[name]] for name in masks])
    assert kept.min() > removed.max()


def test_a_layer_of_equal_weights_has_a_unit_too() -> None:
    module = nn.Sequential(nn.Linear(10, 20), nn.Linear(20, 5), nn.Linear(5, 3))
    with torch.no_grad():
        prunable(module)["1.weight"].fill_(-0.1)
        prunable(module)["2.weight"].zero_()
    scores = magnitude_std(module, evidence("tied"))({})
    assert bool((scores["1.weight"] == 1.0).all())
    assert not bool(scores["2.weight"].any())
