"""Small networks and masks with every kind of wiring, for the tests of this folder."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from pruning.masks import MaskSet
from pruning.parameters import prunable


class Residual(nn.Module):
    """Stem, one residual block with a projection, one with the identity, depthwise-separable tail, head."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.first = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.second = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.project = nn.Conv2d(width, 2 * width, 1, stride=2)
        self.third = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.depthwise = nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width)
        self.pointwise = nn.Conv2d(2 * width, 3 * width, 1)
        self.drop = nn.Dropout(0.5)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(3 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm(self.stem(x)))
        x = self.act(self.second(self.act(self.first(x))) + self.project(x))
        x = x + self.act(self.third(x))
        x = nn.functional.max_pool2d(x, 2)
        x = self.act(self.pointwise(self.act(self.depthwise(x))))
        out: Tensor = self.head(self.drop(x.mean((2, 3))))
        return out


def mlp(*widths: int, bias: bool = False) -> nn.Sequential:
    """Return Linear, ReLU, Linear, ... of these widths."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Linear(inputs, outputs, bias=bias), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def random_masks(module: nn.Module, density: float, seed: int = 0) -> MaskSet:
    """Return masks that keep each weight with this probability."""
    generator = torch.Generator().manual_seed(seed)
    return MaskSet({n: torch.rand(p.shape, generator=generator) < density for n, p in prunable(module).items()})


def full_masks(module: nn.Module) -> MaskSet:
    """Return masks that keep everything."""
    return MaskSet({n: torch.ones(p.shape, dtype=torch.bool) for n, p in prunable(module).items()})
