"""How fast one candidate trains here, against the way it is usually written, in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from nas.seeds import stream
from nas.tasks.augment import Augmentation
from nas.tasks.task import Encoding, Split, Task
from nas.training.loop import train
from nas.training.recipe import Recipe
from pruning import MaskSet, prunable


@dataclass(frozen=True, slots=True)
class Row:
    """Training speed of one way: the median over `repeats`, and how many times as fast as the first row's."""

    way: str
    images_per_second: float
    lowest: float
    highest: float
    ratio: float
    repeats: int


def measure_training(
    make_module: Callable[[], nn.Module],
    task: Task,
    recipe: Recipe,
    *,
    device: torch.device | str = "cpu",
    images: int = 4096,
    repeats: int = 3,
    workers: int = 0,
) -> list[Row]:
    """Return the speeds of the plain way (first row) and of this project's loop, same network and batch size.

    The plain way is a DataLoader over Python per-image transforms (pad, crop, flip, normalise), float32, plain
    layout, unfused SGD and a read-back of the loss each step. The ways take turns, each on the first `images`
    training images, after one unmeasured turn; validation is not counted, masks keep every weight.

    Args:
        make_module: returns a new network for the task.
        task: its augmentation is done by both ways.
        recipe: batch size, rates and precision; its epochs are ignored.
        device: where to train.
        images: how many training images make one turn; at least one batch.
        repeats: measured turns of each way.
        workers: processes of the DataLoader (0: this one).
    """
    part = replace(task, train=_first(task.train, images), val=_first(task.val, 64))
    turns: dict[str, Callable[[], float]] = {
        "DataLoader, per-image transforms, float32": lambda: _plain(
            make_module(), part.to("cpu"), recipe, torch.device(device), workers
        ),
        "resident batches, float32": lambda: _ours(make_module(), part, replace(recipe, precision="float32"), device),
        "resident batches": lambda: _ours(make_module(), part, recipe, device),
    }
    speeds: dict[str, list[float]] = {way: [] for way in turns}
    for repeat in range(repeats + 1):
        for way, turn in turns.items():
            speed = turn()
            if repeat > 0:
                speeds[way].append(speed)
    first = statistics.median(next(iter(speeds.values())))
    return [_row(way, values, first) for way, values in speeds.items()]


def measure_augmentation(
    task: Task, *, batch_size: int = 128, device: torch.device | str = "cpu", repeats: int = 50
) -> float:
    """Return the median milliseconds of making one training batch: select, crop, flip, normalise."""
    task = task.to(device)
    noise, order = stream(0, "augment", device), stream(0, "order", device)
    milliseconds = []
    for _ in range(repeats):
        indices = torch.randint(len(task.train), (batch_size,), generator=order, device=device)
        start = time.perf_counter()
        inputs, _ = task.training_batch(indices, noise)
        if inputs.is_cuda:
            torch.cuda.synchronize()
        milliseconds.append(1e3 * (time.perf_counter() - start))
    return statistics.median(milliseconds)


def _row(way: str, speeds: Sequence[float], first: float) -> Row:
    median = statistics.median(speeds)
    return Row(way, median, min(speeds), max(speeds), median / first, len(speeds))


def _first(split: Split, count: int) -> Split:
    return Split(split.inputs[:count], split.targets[:count])


def _ours(module: nn.Module, task: Task, recipe: Recipe, device: torch.device | str) -> float:
    masks = MaskSet({name: torch.ones_like(weight, dtype=torch.bool) for name, weight in prunable(module).items()})
    outcome = train(module, masks, task.to(device), replace(recipe, epochs=1), seed=0, device=device)
    steps = len(task.train) // recipe.batch_size
    return steps * recipe.batch_size / outcome.curve[0].seconds


class _Images(Dataset[tuple[Tensor, int]]):
    """One augmented image at a time, as the usual tutorial writes it."""

    def __init__(self, split: Split, normalise: Encoding, augment: Augmentation | None) -> None:
        self.images: NDArray[np.uint8] = split.inputs.numpy()
        self.targets = split.targets.tolist()
        mean, std = normalise.constants
        self.mean, self.std = torch.tensor(mean).view(-1, 1, 1), torch.tensor(std).view(-1, 1, 1)
        self.augment = augment or Augmentation(0)
        self.noise = stream(0, "augment")

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = torch.from_numpy(self.images[index]).float()
        pad, (height, width) = self.augment.pad, image.shape[1:]
        mode = "reflect" if self.augment.border == "reflect" else "constant"
        padded = functional.pad(image[None], (pad,) * 4, mode=mode)[0]
        top, left = torch.randint(2 * pad + 1, (2,), generator=self.noise).tolist()
        image = padded[:, top : top + height, left : left + width]
        if self.augment.flip and float(torch.rand((), generator=self.noise)) < 0.5:
            image = image.flip(2)
        return (image - self.mean) / self.std, self.targets[index]


def _plain(module: nn.Module, task: Task, recipe: Recipe, device: torch.device, workers: int) -> float:
    module.to(device).train()
    images = _Images(task.train, task.normalise, task.augment)
    loader = DataLoader(
        images,
        batch_size=recipe.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        generator=stream(0, "order"),
        pin_memory=device.type == "cuda",
    )
    optimizer = torch.optim.SGD(
        module.parameters(), recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay, nesterov=True
    )
    start, total, seen = time.perf_counter(), 0.0, 0
    for inputs, targets in loader:
        logits = module(inputs.to(device))
        loss = functional.cross_entropy(logits, targets.to(device), label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.item()
        seen += len(targets)
    return seen / (time.perf_counter() - start)
