"""One hop over a weight: which edge, and where it leads, for many walkers at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pruning.walks.edges import Edges
from pruning.walks.rows import Rows


@dataclass(frozen=True)
class Hop:
    """Draws of edges with probability |w| / (sum of |w| over the edges at the walker's unit).

    A unit pair is drawn by the sum over its kernel, then the entry within the kernel from what is left of the same
    uniform number: together exactly one inverse-CDF draw among all edges of the unit, ordered by the unit at their
    other end, then by kernel position.

    Attributes:
        edges: of the layer.
        table: one row for each unit on the near side.
        near, far: units in one group on either side.
        is_output_near: the walker stands at an output unit (a reverse walk).
    """

    edges: Edges
    table: Rows
    near: int
    far: int
    is_output_near: bool

    @staticmethod
    def of(edges: Edges, sources: Tensor, outs: Tensor, *, reverse: bool) -> Hop:
        """Return the hops over one application of a weight, between the live units of its source and result."""
        groups, outputs, inputs = edges.sums.shape
        live = edges.sums * outs.view(groups, outputs, 1) * sources.view(groups, 1, inputs)
        if not reverse:
            live = live.transpose(1, 2)
        near, far = live.shape[1:]
        return Hop(edges, Rows.of(live.reshape(groups * near, far)), near, far, reverse)

    def passable(self) -> Tensor:
        """Return which near units have an edge, (units,) bool."""
        ends = self.table.ends.view(-1, self.far)[:, -1]
        return ends > torch.arange(len(ends))

    def draw(self, units: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
        """Return (units at the other end, index of each edge within the weight), both int64."""
        entries, rest = self.table.draw(units, uniforms)
        far = entries - units * self.far
        if self.edges.groups > 1:
            far += units // self.near * self.far
        first, second = (units, far) if self.is_output_near != self.edges.transposed else (far, units)
        pairs = first * self.edges.second + second % self.edges.second
        return far, self._entry(pairs, rest)

    def _entry(self, pairs: Tensor, rest: Tensor) -> Tensor:
        if self.edges.kernel == 1:
            return pairs
        ends = self.edges.values[pairs].to(torch.float64).abs_().cumsum(1)
        places = (ends <= (rest * ends[:, -1])[:, None]).sum(1).clamp_(max=self.edges.kernel - 1)
        return pairs * self.edges.kernel + places
