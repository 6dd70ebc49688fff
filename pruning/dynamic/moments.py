"""What an optimiser remembers of single weights, forgotten."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer


@torch.no_grad()
def reset_moments_(optimizer: Optimizer, parameter: Tensor, entries: Tensor) -> None:
    """Set everything the optimiser keeps for these entries of a parameter to zero.

    That is, the entries of every state of the parameter's shape: momentum, first and second moments and their
    maxima, running averages. States of another shape (step counts; the row and column sums of Adafactor; the flat
    history of L-BFGS) belong to no single weight and stay.

    Args:
        optimizer: any of torch; without state for the parameter nothing happens.
        parameter: one of its parameters.
        entries: bool, the parameter's shape, on its device.
    """
    for value in optimizer.state.get(parameter, {}).values():
        if isinstance(value, Tensor) and value.shape == parameter.shape:
            value.masked_fill_(entries, 0)
