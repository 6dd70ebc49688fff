"""Training batches for loops of one's own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from nas.tasks.task import Task


def batches(task: Task, size: int, generator: torch.Generator) -> Callable[[], tuple[Tensor, Tensor]]:
    """Return a function that returns the next training batch of `size` images, each epoch in a new order."""
    waiting: list[Tensor] = []

    def following() -> tuple[Tensor, Tensor]:
        if not waiting:
            order = torch.randperm(len(task.train), generator=generator)
            waiting.extend(torch.split(order[: len(order) // size * size], size))
        return task.batch(task.train, waiting.pop())

    return following
