"""Flow repair: every unit of a masked network gets an edge in and an edge out, and no layer's count changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pruning.errors import PruningError
from pruning.graph import LayerGraph, trace
from pruning.masks import MaskSet, check_masks
from pruning.parameters import prunable
from pruning.walks.edges import Edges, edges_of
from pruning.walks.reach import reached, reaching


def repair(
    module: nn.Module, masks: Mapping[str, Tensor], input_shape: Sequence[int], generator: torch.Generator
) -> MaskSet:
    """Return masks in which no unit that could carry flow is left without an edge in or without an edge out.

    A random mask of a wide layer leaves units unconnected (784 inputs at density 0.01 into 300 units: about 38), and
    what leads to them is lost. Each layer is repaired by moving kept weights within it: for a row (a unit of its
    result) without a weight, one end of a weight whose row has another is moved there, its column and kernel
    position staying; then likewise for columns (units of its source). So the layer's count and the rest of its
    degrees stay. Where a group of a grouped convolution has none to spare, a weight both of whose ends have another,
    anywhere in the layer, is moved. Which weights move is drawn evenly; masks without a fault come back as they are.

    When every row and column has a weight, every unit is reached from the input and reaches the output, whatever
    sums, concatenations and flattenings lie between the layers.

    Limits: a layer needs as many weights as the larger of its rows and columns (group by group); with fewer, as many
    of its units as can be are connected, rows before columns. Units that no way of the dense network
    leads through (channels that are cut away) are left out, and weights at them are moved first.

    Args:
        module: the network; untouched.
        masks: one for each prunable weight.
        input_shape: of one sample, without the batch axis.
        generator: a CPU generator.

    Raises:
        PruningError: the masks do not fit the network, or the network does not run on the shape.

    Source: Gadhikar, Mukherjee and Burkholz, Why Random Pruning Is All We Need to Start Sparse, ICML 2023, arXiv
    2210.02412 (flow preservation).
    Differs from the published code: weights are moved instead of added, so the count stays; out-degrees of
    convolutions are repaired too (there they are written to a copy and lost); groups are followed.
    """
    if generator.device.type != "cpu":
        raise PruningError(f"generator must be on the CPU; got {generator.device}. Make it with torch.Generator().")
    check_masks(module, masks)
    graph = trace(module, input_shape)
    edges = edges_of(graph, prunable(module))
    wanted = _carrying(graph, edges)
    repaired = {name: mask.detach().cpu().clone() for name, mask in masks.items()}
    for number, layer in enumerate(edges):
        if layer.start is not None and number in wanted:
            kept = repaired[layer.name]
            flat = _repaired(layer, kept.reshape(layer.values.shape), wanted[number], generator)
            repaired[layer.name] = flat.view(kept.shape)
    return MaskSet(repaired, masks.metadata if isinstance(masks, MaskSet) else None)


def _carrying(graph: LayerGraph, edges: Sequence[Edges]) -> dict[int, tuple[Tensor, Tensor]]:
    """Return for each layer which units of its result and its source lie on a way of the dense network."""
    pairs = [torch.ones_like(layer.pairs) for layer in edges]
    live = [a & b for a, b in zip(reached(graph, pairs), reaching(graph, pairs), strict=True)]
    carrying: dict[int, tuple[Tensor, Tensor]] = {}
    for step in graph.weighted:
        rows, columns = carrying.get(step.layer, (False, False))
        carrying[step.layer] = live[step.out] | rows, live[step.source] | columns
    return carrying


@dataclass
class _Wiring:
    """The kept weights of one layer in random order, and the units each joins: end 0 its row, end 1 its column.

    Attributes:
        ends: for either end, the unit of each weight.
        idle: whether a weight joins a unit that cannot carry flow; such a weight does not count for its units.
        wanted: for either end, which units can carry flow.
        degrees: for either end, the number of weights at each unit.
        sizes: for either end, the number of units in a group.
    """

    ends: tuple[list[int], list[int]]
    idle: list[bool]
    wanted: tuple[list[bool], list[bool]]
    degrees: tuple[list[int], list[int]]
    sizes: tuple[int, int]

    def missing(self, end: int) -> list[int]:
        """Return the units that can carry flow and have no weight."""
        degrees = zip(self.degrees[end], self.wanted[end], strict=True)
        return [unit for unit, (degree, wanted) in enumerate(degrees) if wanted and degree == 0]

    def move(self, weight: int, end: int, unit: int) -> None:
        """Let one end of a weight join another unit."""
        if not self.idle[weight]:
            self.degrees[end][self.ends[end][weight]] -= 1
        self.degrees[end][unit] += 1
        self.ends[end][weight] = unit

    def spare(self, weight: int) -> bool:
        """Return whether no end of a weight needs it."""
        return self.idle[weight] or all(self.degrees[end][self.ends[end][weight]] >= 2 for end in (0, 1))


def _repaired(layer: Edges, kept: Tensor, wanted: tuple[Tensor, Tensor], generator: torch.Generator) -> Tensor:
    """Return the layer's mask, (pairs, kernel), repaired."""
    groups, outputs, inputs = layer.pairs.shape
    shape = (groups, outputs, inputs)
    rows = layer.as_stored(torch.arange(groups * outputs).view(groups, outputs, 1).expand(shape))
    columns = layer.as_stored(torch.arange(groups * inputs).view(groups, 1, inputs).expand(shape))
    pairs, places = kept.nonzero()[torch.randperm(int(kept.count_nonzero()), generator=generator)].unbind(1)
    ends = rows[pairs], columns[pairs]
    active = wanted[0][ends[0]] & wanted[1][ends[1]]
    degrees = [torch.bincount(end[active], minlength=len(units)) for end, units in zip(ends, wanted, strict=True)]
    if all(bool((degree[units] > 0).all()) for degree, units in zip(degrees, wanted, strict=True)):
        return kept
    wiring = _Wiring(
        (ends[0].tolist(), ends[1].tolist()),
        (~active).tolist(),
        (wanted[0].tolist(), wanted[1].tolist()),
        (degrees[0].tolist(), degrees[1].tolist()),
        (outputs, inputs),
    )
    _move_ends(wiring)
    _move_whole(wiring, generator)
    numbers = layer.by_output(torch.arange(len(kept)))  # the stored pair of (group, output, input)
    row, column = (torch.tensor(end) for end in wiring.ends)
    result = torch.zeros_like(kept)
    result[numbers[row // outputs, row % outputs, column % inputs], places] = True
    return result


def _move_ends(wiring: _Wiring) -> None:
    """Fill rows, then columns, each with one end of a weight of its group whose unit has another weight."""
    for end in (0, 1):
        size = wiring.sizes[end]
        missing: dict[int, list[int]] = {}
        for unit in wiring.missing(end):
            missing.setdefault(unit // size, []).append(unit)
        for weight, unit in enumerate(wiring.ends[end]):
            here = missing.get(unit // size)
            if here and not wiring.idle[weight] and wiring.degrees[end][unit] >= 2:
                wiring.move(weight, end, here.pop(0))


def _move_whole(wiring: _Wiring, generator: torch.Generator) -> None:
    """Fill what is still missing with weights that no unit needs, from anywhere in the layer."""
    lonely = wiring.missing(0), wiring.missing(1)
    spare = iter(sorted(range(len(wiring.idle)), key=lambda weight: not wiring.idle[weight]))
    while lonely[0] or lonely[1]:
        weight = next((weight for weight in spare if wiring.spare(weight)), None)
        if weight is None:
            return
        first = 0 if lonely[0] else 1
        group = lonely[first][0] // wiring.sizes[first]
        target = [_taken(wiring, lonely, end, group, generator) for end in (0, 1)]
        for end in (0, 1):
            wiring.move(weight, end, target[end])
        wiring.idle[weight] = False


def _taken(
    wiring: _Wiring, lonely: tuple[list[int], list[int]], end: int, group: int, generator: torch.Generator
) -> int:
    """Return a unit of the group for one end of a weight: a missing one if there is any, else any that carries."""
    size = wiring.sizes[end]
    missing = next((unit for unit in lonely[end] if unit // size == group), None)
    if missing is not None:
        lonely[end].remove(missing)
        return missing
    units = [unit for unit in range(group * size, (group + 1) * size) if wiring.wanted[end][unit]]
    return units[int(torch.randint(len(units), (), generator=generator, device="cpu"))]
