"""Networks for the tests of graphs and walks: each kind of wiring, small enough to enumerate."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class Wired(nn.Module):
    """Groups, a residual sum, slices, a concatenation, padding of units, a permutation and a flattening."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 4, 1, bias=False), nn.Conv2d(4, 4, 1, groups=2, bias=False)
        self.c, self.d = nn.Conv2d(6, 3, 1, bias=False), nn.Linear(12, 4, bias=False)
        self.e = nn.Linear(8, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        z = torch.cat([y[:, 1:3], self.b(y) + y], dim=1)
        z = functional.pad(self.c(z)[:, :2], (0, 0, 0, 0, 1, 0))
        z = self.d(z.permute(0, 1, 3, 2).flatten(1))
        first, second = z.chunk(2, dim=1)
        out: Tensor = self.e(torch.cat([z, second, first], 1).view(z.shape[0], -1))
        return out


class Projected(nn.Module):
    """A residual block with a 1x1 projection, one with the identity, one whose identity is padded (option A)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 3, 1, bias=False)
        self.first, self.second = nn.Conv2d(3, 4, 1, bias=False), nn.Conv2d(4, 4, 1, bias=False)
        self.project = nn.Conv2d(3, 4, 1, bias=False)
        self.third = nn.Conv2d(4, 4, 1, bias=False)
        self.fourth = nn.Conv2d(4, 6, 1, bias=False)
        self.head = nn.Linear(6, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.second(self.first(x)) + self.project(x)
        x = x + self.third(x)
        x = self.fourth(x) + functional.pad(x, (0, 0, 0, 0, 1, 1))
        out: Tensor = self.head(x.mean((2, 3)))
        return out


class Shuffled(nn.Module):
    """A channel shuffle between grouped convolutions, a transposed one, and dense connections (concatenation)."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(2, 6, 1, bias=False)
        self.b = nn.Conv2d(6, 6, 1, groups=3, bias=False)
        self.c = nn.ConvTranspose2d(6, 4, 1, groups=2, bias=False)
        self.d = nn.Conv2d(10, 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.b(self.a(x))
        n, c, h, w = x.shape
        x = x.view(n, 3, 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        out: Tensor = self.d(torch.cat([x, self.c(x)], 1)).mean((2, 3))
        return out


class Gated(nn.Module):
    """Squeeze and excitation: channels multiplied by a function of themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.down, self.up = nn.Conv2d(2, 4, 1), nn.Linear(4, 2), nn.Linear(2, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        gate = torch.sigmoid(self.up(functional.relu(self.down(x.mean((2, 3))))))
        out: Tensor = self.head((x * gate[:, :, None, None]).mean((2, 3)))
        return out


def flat() -> nn.Module:
    """Return a convolution whose channels each become four inputs of a linear layer."""
    return nn.Sequential(
        nn.Conv2d(2, 3, 1, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2, bias=False)
    )


WIRED: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "wired": (Wired, (2, 2, 2)),
    "projected": (Projected, (2, 2, 2)),
    "shuffled": (Shuffled, (2, 2, 2)),
    "flat": (flat, (2, 2, 2)),
}
"""Linear networks: what they compute on an image of one colour is the sum over paths, unit by unit."""


def wired(name: str, seed: int = 0) -> nn.Module:
    """Return the network with weights of this seed, in float64 and eval mode; the global generator is put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return WIRED[name][0]().double().eval()
