"""Trainings by name: whatever moves, each layer ends with the pattern's count, among the weights that exist."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pruning import Evidence, MaskSet, PruningError, Sparsity, prunable, prune
from pruning.dynamic import TRAININGS, GradualMagnitude, Loop, Moving, shrink_layers
from pruning.dynamic.trainings import everything
from pruning.parameters import present
from search_spaces import SPACES, Signature
from tests.pruning.nets import NETS, evidence, make

every_training = pytest.mark.parametrize("training", sorted(TRAININGS))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def start(
    training: str, module: nn.Module, masks: MaskSet, steps: int, inputs: Tensor
) -> tuple[Moving, torch.optim.Optimizer]:
    optimizer = torch.optim.SGD(module.parameters(), 0.05, momentum=0.9)
    moving = TRAININGS[training](module, masks, Loop(optimizer, steps, generator(), lambda: inputs))
    moving.prepare()
    return moving, optimizer


def course(training: str, net: str, masks: MaskSet, steps: int) -> list[MaskSet]:
    """The masks after each step of a short training."""
    module, given = make(net).eval(), evidence(net)  # no dropout
    moving, optimizer = start(training, module, masks, steps, given.inputs)  # type: ignore[arg-type]
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        functional.cross_entropy(module(given.inputs), given.targets).backward()  # type: ignore[arg-type, no-untyped-call]
        optimizer.step()
        moving.step()
        found.append(MaskSet(moving.masks))
        assert all(not bool(prunable(module)[name][~mask].any()) for name, mask in found[-1].items())
    moving.release()
    return found


@every_training
@pytest.mark.parametrize("net", sorted(NETS))
@pytest.mark.parametrize("steps", [1, 2, 40])
def test_each_layer_ends_with_the_patterns_count(training: str, net: str, steps: int) -> None:
    if net == "attention" and training.startswith("ntt"):
        pytest.skip("torch has no forward derivative of a transformer layer in eval mode")
    masks = prune(make(net), Sparsity("random", 0.2, allocation="erk"), evidence(net))
    found = course(training, net, masks, steps)
    assert found[-1].counts() == masks.counts()
    assert found == course(training, net, masks, steps)


@pytest.mark.parametrize("training", ["rigl", "set"])
def test_masks_that_move_move_until_three_quarters(training: str) -> None:
    masks = prune(make("plain"), Sparsity("random", 0.3), evidence("plain"))
    found = course(training, "plain", masks, 40)
    assert len(set(found[:30])) > 3
    assert len(set(found[29:])) == 1
    assert all(step.counts() == masks.counts() for step in found)


def test_gradual_pruning_starts_dense_and_each_layer_falls_along_the_cubic() -> None:
    masks = prune(make("plain"), Sparsity("random", 0.1, allocation="balanced"), evidence("plain"))
    found, sizes = course("gmp", "plain", masks, 40), {n: w.numel() for n, w in prunable(make("plain")).items()}
    kept = dict(sizes)
    for step, now in enumerate(found, 1):
        if step <= 30 and step % 2 == 0:  # every 100 steps, or 15 times
            left = (1 - step / 30) ** 3
            kept = {name: last + round((sizes[name] - last) * left) for name, last in masks.counts().items()}
        assert now.counts() == kept
    for earlier, later in pairwise(found):
        assert all(not bool((later[name] & ~earlier[name]).any()) for name in later)


def test_layers_shrink_to_their_largest_weights() -> None:
    """Against a sort of each layer."""
    module = make("residual")
    masks = prune(module, Sparsity("random", 0.7), evidence("residual"))
    counts = {name: 1 + kept // 3 for name, kept in masks.counts().items()}
    found = shrink_layers(module, masks, counts, generator())
    for name, weight in prunable(module).items():
        sizes = sorted(weight.detach().abs()[masks[name]].tolist(), reverse=True)
        assert sorted(weight.detach().abs()[found[name]].tolist(), reverse=True) == sizes[: counts[name]]
        assert not bool((found[name] & ~masks[name]).any())


def test_layers_cannot_grow_by_shrinking() -> None:
    module = make("plain")
    masks = prune(module, Sparsity("random", 0.3), evidence("plain"))
    counts = {**masks.counts(), "4.weight": 10**6}
    with pytest.raises(PruningError, match=r"at most the \d+ weights it keeps now; got 1000000 \('4.weight'\)"):
        shrink_layers(module, masks, counts, generator())
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    with pytest.raises(PruningError, match="counts must name each layer and be at most those of the masks"):
        GradualMagnitude(module, masks, optimizer, counts=counts, end=3, generator=generator())
    with pytest.raises(PruningError, match="either density or counts; got neither"):
        GradualMagnitude(module, masks, optimizer, end=3, generator=generator())


@every_training
def test_weights_that_do_not_exist_are_never_kept(training: str) -> None:
    """On a network built on a graph, of whose tensors only some entries are edges."""
    space, signature = SPACES["graph_mlp"], Signature((12,), 3)
    module = space.build(space.random(np.random.default_rng(3)), signature, generator=generator())
    there = present(module)
    assert there and everything(module).kept < everything(module).total
    masks = prune(module, Sparsity("random", 0.5), Evidence((12,), generator()))
    inputs = torch.randn(8, 12, generator=generator(1))
    moving, optimizer = start(training, module, masks, 20, inputs)
    for _ in range(20):
        optimizer.zero_grad()
        module(inputs).tanh().mean().backward()
        optimizer.step()
        moving.step()
        assert all(not bool((moving.masks[name] & ~mask).any()) for name, mask in there.items())
    assert moving.masks.counts() == masks.counts()
