"""How far a masked weight is from an isometry: one definition for descent, comparison and diagnosis."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Masked:
    """One weight as float64 matrices A (groups, sides, others), zero outside its mask, laid on its smaller side.

    Penalty of a group = ||A A' - t I||_F^2 over its live side = sum over i = 1..r of (s_i^2 - t)^2, with s the
    singular values, r = min(live rows, live columns), t = gain^2. Rows and columns without any kept weight do not
    count: no weights of this mask can reach them. The other side's penalty ||A' A - t I||_F^2 differs by the
    constant t^2 * (difference of live sides), so descent is the same on both; only this one can reach zero.

    Attributes:
        values: float64, (groups, sides, others); rows and columns swapped if there are fewer live columns.
        mask: bool, of the same shape.
        target: t, the square of the wanted singular value.
        swapped: whether rows and columns are swapped.
    """

    values: Tensor
    mask: Tensor
    target: float
    swapped: bool

    @staticmethod
    def of(stacked: Tensor, mask: Tensor, gain: float) -> Masked:
        """Return the matrices of (groups, rows, columns) weights and masks."""
        swapped = int(live(mask, 1).sum()) < int(live(mask, 2).sum())
        mask = mask.transpose(1, 2) if swapped else mask
        values = (stacked.transpose(1, 2) if swapped else stacked).double()
        return Masked(values.masked_fill(~mask, 0.0).contiguous(), mask.contiguous(), gain * gain, swapped)

    def unswapped(self, values: Tensor) -> Tensor:
        """Return (groups, sides, others) as (groups, rows, columns)."""
        return values.transpose(1, 2) if self.swapped else values

    def excess(self, values: Tensor) -> Tensor:
        """Return A A' - t I, (groups, sides, sides), I only over sides with a kept weight."""
        gram = values @ values.transpose(1, 2)
        gram.diagonal(dim1=1, dim2=2).sub_(self.target * live(self.mask, 2).double())
        return gram

    def surplus(self) -> Tensor:
        """Return t^2 * max(0, live sides - live others) for each group, (groups,): not part of the penalty.

        Zero but where a group has more live sides than live others while the weight as a whole has fewer.
        """
        sides, others = live(self.mask, 2).sum(1), live(self.mask, 1).sum(1)
        return (sides - others).clamp(min=0).double() * self.target**2

    def penalty(self, excess: Tensor) -> float:
        """Return the penalty of all groups together, given A A' - t I; at least 0."""
        return float((excess.square().sum((1, 2)) - self.surplus()).clamp(min=0.0).sum())

    def rank(self) -> int:
        """Return the number of singular values that count: min(live rows, live columns), over all groups."""
        return int(torch.minimum(live(self.mask, 1).sum(1), live(self.mask, 2).sum(1)).sum())


def live(mask: Tensor, axis: int) -> Tensor:
    """Return which rows (axis 2) or columns (axis 1) of (groups, rows, columns) masks keep a weight."""
    return mask.any(axis)
