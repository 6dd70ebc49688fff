"""Rows of weights from which many draws are made at once: inverse cumulative sums in one flat, sorted table."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rows:
    """Row r's cumulative weights, divided by their sum, lie in (r, r + 1]; so one binary search draws in any row.

    Attributes:
        ends: (entries,) float64, not decreasing. A row without weight has all its ends at r: never drawn from.
        limits: (rows,) float64: the largest number below r + 1.
    """

    ends: Tensor
    limits: Tensor

    @staticmethod
    def of(weights: Tensor) -> Rows:
        """Return the table of (rows, entries a row) non-negative weights."""
        count, width = weights.shape
        ends = weights.to(torch.float64).cumsum(1)
        totals = ends[:, -1:].clone()
        ends /= totals.masked_fill_(totals == 0, 1.0)  # the last of a row is 1 exactly
        return Rows(ends.add_(torch.arange(count)[:, None]).view(count * width), _limits(count))

    @staticmethod
    def ragged(rows: Tensor, weights: Tensor, count: int) -> Rows:
        """Return the table of `count` rows whose entries lie one after another.

        Args:
            rows: (entries,) int64, not decreasing: the row of each entry.
            weights: (entries,) float64, > 0.
        """
        sums = weights.cumsum(0)
        sizes = torch.bincount(rows, minlength=count)
        last = sizes.cumsum(0) - 1
        before = torch.cat([sums.new_zeros(1), sums])[last - sizes + 1]
        totals = torch.where(sizes > 0, sums[last.clamp(min=0)] - before, 1.0)
        ends = ((sums - before[rows]) / totals[rows]).clamp_(max=1.0) + rows
        ends[last[sizes > 0]] = (torch.arange(count)[sizes > 0] + 1).to(ends)
        return Rows(ends, _limits(count))

    def draw(self, rows: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
        """Return (entry, rest): the entry drawn in each row, and what is left of the uniform number within it.

        Args:
            rows: (draws,) int64.
            uniforms: (draws,) float64 in [0, 1).

        Returns:
            int64 index into `ends`, and float64 in [0, 1): uniform and independent of the entry.
        """
        points = torch.minimum(rows + uniforms, self.limits[rows])
        entries = torch.searchsorted(self.ends, points, right=True)
        low = torch.where(entries > 0, self.ends[(entries - 1).clamp(min=0)], 0.0).maximum(rows)
        return entries, (points - low) / (self.ends[entries] - low)


def _limits(count: int) -> Tensor:
    ones = torch.arange(1, count + 1, dtype=torch.float64)
    return torch.nextafter(ones, torch.zeros_like(ones))
