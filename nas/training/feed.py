"""Batches of one epoch, made on the device where they are used; and batches without labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from nas.errors import NasError
from nas.seeds import stream
from nas.tasks.batches import batches
from nas.tasks.task import Task
from nas.training.arithmetic import Arithmetic
from nas.training.deadline import Deadline
from nas.training.recipe import Recipe

_TOGETHER = {"cuda": 16}
"""Batches made in one go: a GPU's time goes into launching kernels, a CPU's into memory outside its cache."""
_UNLABELLED = 32
"""Inputs of a batch without labels, half against half; the released notebooks of NTT have 64."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The training split of a task in batches of one size, in an order and with noise that `seed` decides."""

    task: Task
    batch_size: int
    arithmetic: Arithmetic
    order: torch.Generator
    noise: torch.Generator

    @property
    def steps(self) -> int:
        """Batches in an epoch; the images left over are others each time."""
        return len(self.task.train) // self.batch_size

    def epoch(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield `steps` pairs of inputs (batch, channels, height, width) float32 and int64 targets (batch,)."""
        device = self.task.device
        order = torch.randperm(len(self.task.train), generator=self.order, device=device)
        together = self.batch_size * _TOGETHER.get(device.type, 1)
        for indices in torch.split(order[: self.steps * self.batch_size], together):
            inputs, targets = self.task.training_batch(indices, self.noise)
            inputs = self.arithmetic.lay_out(inputs)
            parts = (torch.split(tensor, self.batch_size) for tensor in (inputs, targets))
            yield from zip(*parts, strict=True)


def make_feed(task: Task, recipe: Recipe, arithmetic: Arithmetic, seed: int) -> Feed:
    """Return the feed of a task on its device; `seed`'s streams "order" and "augment" are its randomness.

    Raises:
        NasError: the training split has fewer images than a batch.
    """
    batch_size = recipe.batch_size
    if batch_size > len(task.train):
        raise NasError(
            f"recipe batch_size must be at most the {len(task.train)} training images of '{task.name}'; "
            f"got {batch_size}. Use a smaller batch."
        )
    if recipe.crop_pad is not None and task.augment is not None:
        task = replace(task, augment=replace(task.augment, pad=recipe.crop_pad))
    order, noise = (stream(seed, name, task.device) for name in ("order", "augment"))
    return Feed(task, batch_size, arithmetic, order, noise)


def unlabelled(task: Task, seed: int, deadline: Deadline) -> Callable[[], Tensor]:
    """Return what returns the next batch of training inputs, not augmented, an even number; stream "transfer"."""
    size = min(_UNLABELLED, len(task.train) // 2 * 2)
    following = batches(task, size, stream(seed, "transfer"))

    def inputs() -> Tensor:
        deadline.check()
        return following()[0]

    return inputs
