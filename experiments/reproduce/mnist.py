"""What the reproductions on MNIST share: images as they are, LeNet, and one way to train it."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from torch import nn

from nas.seeds import derive, stream
from nas.tasks import Task, load_task
from nas.training import Recipe, evaluate, train
from pruning import MaskSet, prunable
from pruning.initialization import INITIALIZATIONS
from search_spaces import NETWORKS


@cache
def mnist_images() -> Task:
    """Return MNIST of SPARSENAS_DATA, not augmented, as the papers train on it."""
    data = os.environ.get("SPARSENAS_DATA")
    return replace(load_task("mnist", Path(data) if data else None), augment=None)


def lenet(seed: int, network: str = "lenet_300_100", initialization: str = "he") -> nn.Module:
    """Return a network for MNIST; its weights depend on the seed alone."""
    reference = NETWORKS[network]
    module = reference.build(reference.signature, stream(seed, "build"))
    INITIALIZATIONS[initialization](module, stream(seed, "init"))
    return module


def everything(module: nn.Module) -> MaskSet:
    """Return the masks that keep every weight."""
    return MaskSet({name: torch.ones_like(weight, dtype=torch.bool) for name, weight in prunable(module).items()})


def trained(
    module: nn.Module, masks: MaskSet, recipe: Recipe, seed: int, phase: str, task: Task | None = None
) -> float:
    """Train the module in place and return its test accuracy after the last step (no step is chosen by it).

    Args:
        module: the network.
        masks: what is kept.
        recipe: how to train.
        seed: with `phase`, of the order of the images; methods that share both see the same batches.
        phase: which training of the network's life it is.
        task: MNIST by default.
    """
    task = task or mnist_images()
    train(module, masks, task, recipe, seed=derive(seed, phase))
    return evaluate(module, task.test, task)
