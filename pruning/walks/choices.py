"""Choosing among the ways out of a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pruning.walks.options import Option
from pruning.walks.rows import Rows


@dataclass(frozen=True)
class Choice:
    """For each unit of a node its ways out, with their probabilities.

    Attributes:
        table: one row for each unit, one entry for each wire.
        ways: (entries,) number of the option.
        units: (entries,) the unit it leads to (for a weight: the walker's own, from where it hops).
        is_forced: no unit has more than one entry, so nothing is drawn.
    """

    table: Rows
    ways: Tensor
    units: Tensor
    only: Tensor
    is_forced: bool

    def draw(self, units: Tensor, uniforms: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return (number of the option, unit it leads to) of each walker."""
        entries = self.only[units] if uniforms is None else self.table.draw(units, uniforms)[0]
        return self.ways[entries], self.units[entries]


def choice(options: Sequence[Option], wires: Sequence[tuple[Tensor, Tensor]], units: int, skip: float) -> Choice:
    """Return the choice at a node: options alike, the wires of an option alike.

    Where a unit has both identity skips and other options, the skips together have probability `skip`.

    Args:
        options: the ways out.
        wires: for each option the pairs of (unit here, unit there) that can be taken.
        units: number of units of the node.
        skip: in [0, 1].
    """
    counts = torch.stack([torch.bincount(here, minlength=units) for here, _ in wires]).to(torch.float64)
    is_skip = torch.tensor([option.is_skip for option in options])[:, None]
    open_ways = counts > 0
    skips, others = (open_ways & is_skip).sum(0), (open_ways & ~is_skip).sum(0)
    share = torch.where(others == 0, 1.0, skip) / skips, torch.where(skips == 0, 1.0, 1.0 - skip) / others
    chances = torch.where(is_skip, *share) / counts
    here = torch.cat([pair[0] for pair in wires])
    ways = torch.cat([torch.full_like(pair[0], number) for number, pair in enumerate(wires)])
    weights = chances[ways, here]
    order = here.argsort(stable=True)
    order = order[weights[order] > 0]
    rows = here[order]
    only = torch.zeros(units, dtype=torch.int64).index_put_((rows,), torch.arange(len(rows)))
    forced = len(rows) == 0 or int(torch.bincount(rows).max()) <= 1
    there = torch.cat([pair[1] for pair in wires])[order]
    return Choice(Rows.ragged(rows, weights[order], units), ways[order], there, only, forced)
