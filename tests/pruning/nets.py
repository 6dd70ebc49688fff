"""The networks every pruning test runs on: one for each kind of layer, small enough for milliseconds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from pruning import Evidence

CLASSES = 4
BATCH = 12


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.inner = nn.Conv2d(6, 8, 3, stride=2, padding=1, bias=False)
        self.inner_norm = nn.BatchNorm2d(8)
        self.outer = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(6, 8, 1, stride=2, bias=False)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, inputs: Tensor) -> Tensor:
        stem = functional.relu(self.norm(self.stem(inputs)))
        block = self.outer(functional.relu(self.inner_norm(self.inner(stem)))) + self.shortcut(stem)
        out: Tensor = self.head(functional.relu(block).mean((2, 3)))
        return out


class Recurrent(nn.Module):
    def __init__(self, kind: Callable[..., nn.RNNBase] = nn.GRU) -> None:
        super().__init__()
        self.cell = kind(5, 7, batch_first=True, bidirectional=True)
        self.head = nn.Linear(14, CLASSES)

    def forward(self, inputs: Tensor) -> Tensor:
        out: Tensor = self.head(self.cell(inputs)[0].mean(1))
        return out


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(5, 8)
        self.block = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.3, batch_first=True)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, inputs: Tensor) -> Tensor:
        out: Tensor = self.head(self.block(self.embed(inputs)).mean(1))
        return out


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 9)
        self.middle = nn.Linear(9, 9)
        self.again = nn.Linear(9, 9)
        self.again.weight = self.middle.weight
        self.head = nn.Linear(9, CLASSES)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = functional.relu(self.middle(functional.relu(self.first(inputs))))
        out: Tensor = self.head(functional.relu(self.again(hidden)))
        return out


def plain() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 10, 3, padding=2, dilation=2),
        nn.BatchNorm2d(10),
        nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(10, CLASSES),
    )


def separable() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8, bias=False),
        nn.BatchNorm2d(8),
        nn.SiLU(),
        nn.Conv2d(8, 12, 1, groups=2),
        nn.GroupNorm(3, 12),
        nn.GELU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(12, CLASSES),
    )


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "plain": (plain, (3, 8, 8)),
    "residual": (Residual, (3, 8, 8)),
    "separable": (separable, (3, 8, 8)),
    "gru": (Recurrent, (6, 5)),
    "attention": (Attention, (6, 5)),
    "tied": (Tied, (6,)),
}


def make(name: str, seed: int = 0) -> nn.Module:
    """Return the network with weights of this seed; the global generator is put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NETS[name][0]()


def evidence(name: str, seed: int = 0) -> Evidence:
    """Return evidence for the network, with a labelled batch, from a generator of this seed."""
    data = torch.Generator().manual_seed(1)
    shape = NETS[name][1]
    inputs = torch.randn(BATCH, *shape, generator=data)
    targets = torch.randint(CLASSES, (BATCH,), generator=data)
    return Evidence(shape, torch.Generator().manual_seed(seed), inputs, targets)
