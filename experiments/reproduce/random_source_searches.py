"""The searches that are confined to a random source, and where: networks, images, densities."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias

import torch
from torch import nn
from torch.nn import functional

from experiments.reproduce.cifar10 import small_cifar10, small_convnet
from experiments.reproduce.mnist import lenet, mnist_images, trained
from nas.seeds import stream
from nas.tasks import Task
from nas.tasks.batches import batches
from nas.training import Recipe, evaluate
from nas.training.schedule import rate_share
from pruning import MaskSet
from pruning.dynamic import EdgePopup, RigL, iterative_pruning


@dataclass(frozen=True)
class Setting:
    """What is trained on what, and how long: `epochs` of each search, one after the other for LRR's levels."""

    name: str
    protocol: str
    network: Callable[[int, str], nn.Module]
    """(seed, initialisation) -> network."""
    images: Callable[[], Task]
    final: float
    sources: tuple[float, ...]
    epochs: int
    recipe: Recipe
    """Of one level of LRR; RigL has its batches and its rates, over all epochs."""
    scores: Recipe
    """Of edge-popup: gradients of scores are those of weights times weights, small numbers."""


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting(
            "mnist",
            "LeNet-300-100",
            lambda seed, initialization: lenet(seed, initialization=initialization),
            mnist_images,
            final=0.05,
            sources=(1.0, 0.3, 0.1, 0.06),
            epochs=3,
            recipe=Recipe(epochs=1, batch_size=256, weight_decay=0.0, precision="float32"),
            scores=Recipe(epochs=1, batch_size=512, learning_rate=10.0),
        ),
        Setting(
            "cifar10",
            "three convolutions, 10,000 images",
            small_convnet,
            small_cifar10,
            final=0.1,
            sources=(1.0, 0.3, 0.12),
            epochs=4,
            recipe=Recipe(epochs=1, batch_size=128, weight_decay=0.0, precision="float32"),
            scores=Recipe(epochs=1, batch_size=128, learning_rate=1.0),
        ),
    )
}

Search: TypeAlias = Callable[[nn.Module, MaskSet, MaskSet, Setting, int, Task], tuple[MaskSet, float]]
"""(module, source, start within it, setting, seed, task) -> the masks it ends with in the source, test accuracy."""


def _lrr(
    module: nn.Module, source: MaskSet, start: MaskSet, setting: Setting, seed: int, task: Task
) -> tuple[MaskSet, float]:
    """Prune by magnitude and rewind the rate, in as many levels as epochs, from the source to the start's count."""
    numbers = count()

    def level(network: nn.Module, masks: MaskSet) -> float:
        return trained(network, masks, setting.recipe, seed, f"level {next(numbers)}", task)

    keep = (start.kept / source.kept) ** (1 / (setting.epochs - 1))
    generator = stream(seed, "mask")
    levels = list(iterative_pruning(module, source, level, density=setting.final, generator=generator, keep=keep))
    return levels[-1].masks, levels[-1].result


def _rigl(
    module: nn.Module, source: MaskSet, start: MaskSet, setting: Setting, seed: int, task: Task
) -> tuple[MaskSet, float]:
    optimizer = _sgd(module.parameters(), setting.recipe)
    steps = setting.epochs * (len(task.train) // setting.recipe.batch_size)
    sparsity = RigL(
        module,
        start,
        optimizer,
        end=3 * steps // 4,
        interval=max(1, min(100, steps // 20)),
        allowed=source,
        generator=stream(seed, "ties"),
    )
    _fit(module, optimizer, steps, seed, task, setting.recipe, sparsity.step)
    return sparsity.masks, evaluate(module, task.test, task)


def _edge_popup(
    module: nn.Module, source: MaskSet, start: MaskSet, setting: Setting, seed: int, task: Task
) -> tuple[MaskSet, float]:
    strong = EdgePopup(module, counts=start.counts(), allowed=source, generator=stream(seed, "mask"))
    steps = setting.epochs * (len(task.train) // setting.scores.batch_size)
    _fit(module, _sgd(strong.parameters(), setting.scores), steps, seed, task, setting.scores, lambda: None)
    return strong.masks, evaluate(module, task.test, task)


SEARCHES: dict[str, Search] = {"lrr": _lrr, "rigl": _rigl, "edge-popup": _edge_popup}


def _sgd(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, recipe.learning_rate, momentum=recipe.momentum, nesterov=True)


def _fit(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    steps: int,
    seed: int,
    task: Task,
    recipe: Recipe,
    after: Callable[[], object],
) -> None:
    """Train as a loop of one's own would, with one line added to it."""
    following = batches(task, recipe.batch_size, stream(seed, "order"))
    module.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * rate_share(step, steps, recipe.warmup, recipe.schedule)
        inputs, targets = following()
        optimizer.zero_grad()
        functional.cross_entropy(module(inputs), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        after()
