"""Which units lie on a way from the input to the output."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from pruning.graph import Junction, LayerGraph, Part, Weighted

Units = list[Tensor]
"""One bool tensor for each node, (units,)."""


def reached(graph: LayerGraph, pairs: Sequence[Tensor], mixing: Collection[int] = ()) -> Units:
    """Return the units that a way from an input leads to.

    Args:
        graph: the wiring.
        pairs: for each layer (groups, outputs / groups, inputs / groups) bool: which units are joined.
        mixing: nodes in which one unit tells on all others (normalised together, say).
    """
    units = [torch.zeros(count, dtype=torch.bool) for count in graph.units]
    units[0].fill_(True)
    for step in graph.steps:
        if isinstance(step, Weighted):
            joined = pairs[step.layer]
            source = units[step.source].view(joined.shape[0], 1, joined.shape[2])
            units[step.out] |= (joined & source).any(2).flatten()
        else:
            for part in step.parts:
                take, put = wires(graph, step, part)
                units[step.out][put[units[part.source][take]]] = True
        if step.out in mixing and bool(units[step.out].any()):
            units[step.out].fill_(True)
    return units


def reaching(graph: LayerGraph, pairs: Sequence[Tensor], mixing: Collection[int] = ()) -> Units:
    """Return the units from which a way leads to an output; arguments as for `reached`."""
    units = [torch.zeros(count, dtype=torch.bool) for count in graph.units]
    for node in graph.outputs:
        units[node].fill_(True)
    for step in reversed(graph.steps):
        if step.out in mixing and bool(units[step.out].any()):
            units[step.out].fill_(True)
        if isinstance(step, Weighted):
            joined = pairs[step.layer]
            out = units[step.out].view(joined.shape[0], joined.shape[1], 1)
            units[step.source] |= (joined & out).any(1).flatten()
        else:
            for part in step.parts:
                take, put = wires(graph, step, part)
                units[part.source][take[units[step.out][put]]] = True
    return units


def wires(graph: LayerGraph, step: Junction, part: Part) -> tuple[Tensor, Tensor]:
    """Return (source units, units of `step.out`), both int64, of each wire of a junction's part."""
    count = graph.units[part.source] if part.take is None else len(part.take)
    every = torch.arange(count)
    take = every if part.take is None else torch.from_numpy(part.take)
    return take, every if part.put is None else torch.from_numpy(part.put)
