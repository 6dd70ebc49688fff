"""What cells with gates share: sums over the steps of a backward pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nas.training.population.cells.cell import backs, leave_
from nas.training.population.packing import Packed


class Sums:
    """Gradients of input rows and hidden weights, gate by gate, summed over the steps."""

    def __init__(self, weights: Sequence[Tensor], packed: Packed) -> None:
        self.packed, self.backs = packed, backs(weights)
        networks, units, _ = weights[0].shape
        self.weights = [torch.zeros_like(weight) for weight in weights]
        shape = (networks, packed.letters[0].shape[2], units)
        self.tables = [weight.new_zeros(shape) for weight in weights]

    def enter_(self, step: int, slopes: Sequence[Tensor]) -> None:
        """Add a step's gradients before each gate (N, B, H) to those of the input rows."""
        for total, slope in zip(self.tables, slopes, strict=True):
            leave_(total, self.packed.letters[step], slope)

    def recur_(self, before: Tensor, slopes: Sequence[Tensor], carried: Tensor) -> Tensor:
        """Add a step's gradients of each product (N, B, H) to the weights'; return `carried` plus what goes back."""
        rows = before.transpose(1, 2)
        for total, back, slope in zip(self.weights, self.backs, slopes, strict=True):
            total.baddbmm_(rows, slope)
            carried.baddbmm_(slope, back)
        return carried

    def whole(self) -> tuple[Tensor, Tensor]:
        """Return (N, F, G H) and (N, H, G H)."""
        return torch.cat(self.tables, -1), torch.cat(self.weights, -1)
