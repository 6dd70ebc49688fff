"""What every cell does: states forward, gradients backward, over many networks at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from nas.training.population.packing import Packed
from nas.training.population.workspace import Workspace

sigmoid_slope = torch.ops.aten.sigmoid_backward.grad_input
"""(gradient, sigmoid's value, grad_input=out): the gradient before the sigmoid."""
tanh_slope = torch.ops.aten.tanh_backward.grad_input
"""(gradient, tanh's value, grad_input=out): the gradient before tanh."""
_MINUS_ONE = torch.tensor(-1.0)


class Cell(ABC):
    """One kind of recurrent unit; it remembers the last `forward` for one `backward`."""

    def __init__(self) -> None:
        self.space = Workspace()

    @abstractmethod
    def forward(self, table: Tensor, hidden: Tensor, packed: Packed) -> Tensor:
        """Return each string's last state (N, B, H) for input rows (N, F, G H) and hidden weights (N, H, G H).

        The last of the F rows is the blank's, all 0.
        """

    @abstractmethod
    def backward(self, last: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of input rows (N, F, G H) and of hidden weights (N, H, G H).

        Args:
            last: gradient of each string's last state, (N, B, H), in the order of the batch.
        """


def gates(weights: Tensor) -> list[Tensor]:
    """Return weights (N, H, G H) gate by gate, each (N, H, H) contiguous."""
    return [part.contiguous() for part in torch.split(weights, weights.shape[1], -1)]


def backs(weights: Sequence[Tensor]) -> list[Tensor]:
    """Return what the gradients of each gate are multiplied by on their way back, contiguous."""
    return [weight.transpose(1, 2).contiguous() for weight in weights]


def enter(letters: Tensor, table: Tensor, out: Tensor) -> Tensor:
    """Return `out` (N, B, H), each string's row of each network's table (N, F, H) for letters (1 or N, B, F)."""
    return torch.bmm(letters.to(table.dtype).expand(len(table), -1, -1), table, out=out)


def leave_(total: Tensor, letters: Tensor, slope: Tensor) -> None:
    """Add a step's gradient (N, B, H) to that of the table (N, F, H), the way back of `enter`."""
    total.baddbmm_(letters.to(slope.dtype).transpose(1, 2).expand(len(slope), -1, -1), slope)


def previous(states: Sequence[Tensor], step: int) -> Tensor:
    """Return the states of the step before of those strings that go on to `step`."""
    return states[step - 1][:, : states[step].shape[1]]


def lasts(states: Sequence[Tensor]) -> Tensor:
    """Return each string's last state (N, B, H). Strings are in order of length: those that end are a step's last."""
    ends = [*(states[step + 1].shape[1] for step in range(len(states) - 1)), 0]
    return torch.cat([state[:, end:] for state, end in zip(reversed(states), reversed(ends), strict=True)], 1)


def arriving(carried: Tensor | None, last: Tensor, size: int) -> Tensor:
    """Return the gradient of a step's states (N, size, H): carried back or, where a string ends, `last`."""
    if carried is None:
        return last[:, :size]
    going = carried.shape[1]
    return carried if going == size else torch.cat((carried, last[:, going:size]), 1)


def tanh_(values: Tensor) -> Tensor:
    """Return `values`, which hold twice the argument, after tanh in place: tanh(x) = 2 sigmoid(2 x) - 1.

    Some CPUs take four times as long for tanh itself as for this. It costs about 1e-7, absolutely; float32 holds
    states of up to 1 no better.
    """
    return torch.add(_MINUS_ONE, values.sigmoid_(), alpha=2, out=values)
