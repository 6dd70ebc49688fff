"""Adam for every network of a population, as torch.optim would do it for each alone."""

from __future__ import annotations

import torch
from torch import Tensor

_SECOND, _EPSILON = 0.999, 1e-8


class Adam:
    """AdamW over the rows of `values` (N, K): first beta `momentum`, second 0.999, decay only where `decays`.

    Absent weights have gradient 0, so they stay exactly 0.

    Source: Kingma and Ba, ICLR 2015, algorithm 1; Loshchilov and Hutter, ICLR 2019, algorithm 2 (decoupled decay).
    """

    def __init__(self, values: Tensor, momentum: float, weight_decay: float, decays: Tensor) -> None:
        self.values, self.momentum, self.weight_decay = values, momentum, weight_decay
        self.decays = decays.to(values.dtype)
        self.first, self.second = torch.zeros_like(values), torch.zeros_like(values)
        self._root = torch.empty_like(values)
        self.steps = 0

    def step(self, gradient: Tensor, rate: float) -> None:
        """Move all values by one step."""
        self.steps += 1
        if self.weight_decay:
            self.values.mul_(1 - rate * self.weight_decay * self.decays)
        self.first.lerp_(gradient, 1 - self.momentum)
        self.second.mul_(_SECOND).addcmul_(gradient, gradient, value=1 - _SECOND)
        correction = (1 - _SECOND**self.steps) ** 0.5
        torch.sqrt(self.second, out=self._root).div_(correction).add_(_EPSILON)
        self.values.addcdiv_(self.first, self._root, value=-rate / (1 - self.momentum**self.steps))

    def stop_(self, rows: Tensor) -> None:
        """Set the networks at `rows` (bool, (N,)) and their moments to 0: they end here and cost nothing odd."""
        for tensor in (self.values, self.first, self.second):
            tensor[rows] = 0.0


def clip_(gradient: Tensor, norm: float) -> None:
    """Scale each network's gradient (N, K) down to `norm` where it is longer, as clip_grad_norm_ does."""
    lengths = gradient.norm(dim=1, keepdim=True)
    gradient.mul_((norm / (lengths + 1e-6)).clamp(max=1.0))
