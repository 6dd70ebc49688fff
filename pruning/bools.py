"""Comparisons of all scores of a network, and counts and places of bools: on the CPU by numpy.

Of 11 million float64 scores (one core): a comparison takes 7 ms, torch's 17; the places of 170,000 true ones 5 ms,
torch's 15; a count 0.6 ms, torch's 7. On other devices torch's own.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def above(values: Tensor, bound: float) -> Tensor:
    """Return values > bound, entry by entry."""
    return torch.from_numpy(values.numpy() > bound) if _on_cpu(values) else values > bound


def at_least(values: Tensor, bound: float) -> Tensor:
    """Return values >= bound, entry by entry."""
    return torch.from_numpy(values.numpy() >= bound) if _on_cpu(values) else values >= bound


def count_true(mask: Tensor) -> int:
    """Return how many entries are True."""
    return int(np.count_nonzero(mask.numpy()) if _on_cpu(mask) else mask.count_nonzero())


def places(mask: Tensor) -> Tensor:
    """Return the flat indices of the True entries in ascending order, int64, on the mask's device."""
    return torch.from_numpy(np.flatnonzero(mask.numpy())) if _on_cpu(mask) else mask.flatten().nonzero().flatten()


def _on_cpu(values: Tensor) -> bool:
    return values.device.type == "cpu" and not values.requires_grad
