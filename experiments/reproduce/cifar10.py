"""What the reproductions on CIFAR-10 share: a part of its images, and a small convolutional network."""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from torch import nn

from nas.seeds import stream
from nas.tasks import Task, load_task
from pruning.initialization import INITIALIZATIONS

IMAGES = 10_000
WIDTHS = (16, 32, 64)


@cache
def small_cifar10() -> Task:
    """Return CIFAR-10 of SPARSENAS_DATA with its first 10,000 training images only, not augmented; all test images."""
    data = os.environ.get("SPARSENAS_DATA")
    task = load_task("cifar10", Path(data) if data else None)
    return replace(task, augment=None, train=task.train.take(torch.arange(IMAGES)))


def small_convnet(seed: int, initialization: str = "he") -> nn.Module:
    """Return three 3x3 convolutions of stride 2 with batch normalisation and a linear layer: 33,712 weights.

    Normalisation has no parameters of its own, as in the strong tickets' networks, and convolutions no biases.
    """
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 3
    for number, width in enumerate(WIDTHS, 1):
        parts[f"conv{number}"] = nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False)
        parts[f"norm{number}"] = nn.BatchNorm2d(width, affine=False)
        parts[f"relu{number}"] = nn.ReLU()
        channels = width
    module = nn.Sequential(parts | {"flatten": nn.Flatten(), "fc": nn.Linear(channels * 16, 10)})
    INITIALIZATIONS[initialization](module, stream(seed, "init"))
    return module
