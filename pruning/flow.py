"""Paths through a masked network, counted and weighed over its units, forward from the input and back from the output.

With A_l[j, i] the sum over kernel positions of layer l's entries, f the forward and b the backward sums,

    f_0 = 1,  f_l = A_l f_(l-1),  b_L = 1,  b_(l-1) = A_l' b_l,  R = 1' f_L,

sums of branches add, and concatenations stand one after another. Four kinds of A run side by side: kept entries
with every value clipped to 0 or 1 (what is reachable), kept entries (numbers of paths), |w| (SynFlow) and w^2
(SynFlow-L2, the path kernel). This is the channel-graph form: a unit counts once whatever its positions, so image
borders and pooling do not matter.

Each node's vector is kept as mantissas of at most 1 and one natural logarithm, in float64, so that no depth overflows.

Source: Tanaka et al. 2020 (arXiv 2006.05467), R_SF; Gebhart et al. 2021 (arXiv 2102.00554), path kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pruning.graph import Junction, LayerGraph, Part, Use, Weighted

if TYPE_CHECKING:
    import numpy.typing as npt

Floats: TypeAlias = "npt.NDArray[np.float64]"
Matrices: TypeAlias = "tuple[Floats, Floats, Floats]"
"""Counts, magnitudes and squares of one layer, each (groups, outputs / groups, inputs / groups)."""

REACHED, PATHS, MAGNITUDE, SQUARE = range(4)


@dataclass(frozen=True, slots=True)
class Scaled:
    """`mantissas` (kinds, units) in [0, 1], to be multiplied by exp(`logs`), (kinds, 1); -inf where all are zero."""

    mantissas: Floats
    logs: Floats


@dataclass(frozen=True, slots=True)
class LayerFlow:
    """Sums over the entries of one layer.

    Attributes:
        logs: (kinds,) natural logarithm of b' A f, the weight of all paths through the layer.
        kernel: natural logarithm of the sum over kept entries of b f (squared weights): its path kernel trace.
        effective: kept entries on a way from input to output.
        alive_in, alive_out: units on both sides that are reached from the input and reach the output.
        spread: exp(entropy) of the share of paths on each unit pair: the number of pairs that carry them.
    """

    logs: Floats
    kernel: float
    effective: int
    alive_in: int
    alive_out: int
    spread: float


@dataclass(frozen=True, slots=True)
class Flow:
    """`logs`: (kinds,) natural logarithm of R; and each layer's part, in layer order."""

    logs: Floats
    layers: tuple[LayerFlow, ...]


def unit_pairs(values: npt.NDArray[np.generic], use: Use) -> Floats:
    """Return the sums of a weight's entries over kernel positions: (groups, outputs / groups, inputs / groups)."""
    first, second = values.shape[:2]
    flat = np.ascontiguousarray(values, dtype=np.float64).reshape(first * second, -1)
    return by_units(flat[:, 0] if flat.shape[1] == 1 else flat @ np.ones(flat.shape[1]), values.shape, use)


def by_units(sums: Floats, shape: Sequence[int], use: Use) -> Floats:
    """Return sums (first axis * second axis of a weight's shape,) as (groups, outputs / groups, inputs / groups)."""
    grouped = sums.reshape(use.groups, shape[0] // use.groups, shape[1])
    return np.ascontiguousarray(grouped.transpose(0, 2, 1)) if use.transposed else grouped


def flow(graph: LayerGraph, layers: Sequence[Matrices]) -> Flow:
    """Return the path sums of a network.

    A tied weight's parts are those of its first application, but for the kernel, which is summed over all of them.

    Args:
        graph: the wiring.
        layers: matrices of each layer, in the graph's layer order.
    """
    stacks = [np.stack((counts, counts, mags, squares)) for counts, mags, squares in layers]
    forward = _forward(graph, stacks)
    backward = _backward(graph, stacks)
    found: dict[int, LayerFlow] = {}
    for step in graph.steps:
        if isinstance(step, Weighted):
            part = _layer_flow(stacks[step.layer], forward[step.source], backward[step.out])
            first = found.get(step.layer, part)
            kernel = part.kernel if first is part else float(np.logaddexp(first.kernel, part.kernel))
            found[step.layer] = replace(first, kernel=kernel)
    total = _summed(
        [Scaled(f.mantissas.sum(axis=1, keepdims=True), f.logs) for f in (forward[n] for n in graph.outputs)]
    )
    parts = (found[i] if i in found else _unresolved(stack) for i, stack in enumerate(stacks))
    return Flow(total.logs[:, 0], tuple(parts))


def _forward(graph: LayerGraph, stacks: Sequence[Floats]) -> list[Scaled]:
    values = [_silence(units) for units in graph.units]
    values[0] = Scaled(np.ones((4, graph.units[0])), np.zeros((4, 1)))
    for step in graph.steps:
        if isinstance(step, Weighted):
            source, stack = values[step.source], stacks[step.layer]
            grouped = source.mantissas.reshape(4, stack.shape[1], stack.shape[3], 1)
            values[step.out] = _normalised((stack @ grouped).reshape(4, -1), source.logs)
        else:
            units = graph.units[step.out]
            moved = [_moved(values[p.source], p.take, p.put, units) for p in step.parts]
            values[step.out] = _summed(moved) if moved else _silence(units)
    return values


def _backward(graph: LayerGraph, stacks: Sequence[Floats]) -> list[Scaled]:
    arrived: list[list[Scaled]] = [[] for _ in graph.units]
    for node in graph.outputs:
        arrived[node].append(Scaled(np.ones((4, graph.units[node])), np.zeros((4, 1))))
    values = [_silence(units) for units in graph.units]
    for step in reversed(graph.steps):
        if not arrived[step.out]:
            continue
        value = values[step.out] = _summed(arrived[step.out])
        if isinstance(step, Weighted):
            stack = stacks[step.layer]
            grouped = value.mantissas.reshape(4, stack.shape[1], 1, stack.shape[2])
            arrived[step.source].append(_normalised((grouped @ stack).reshape(4, -1), value.logs))
        else:
            _send_back(graph, step, value, arrived)
    if arrived[0]:
        values[0] = _summed(arrived[0])
    return values


def _send_back(graph: LayerGraph, step: Junction, value: Scaled, arrived: list[list[Scaled]]) -> None:
    for part in step.parts:
        back = Part(part.source, take=part.put, put=part.take)  # the transpose of the wiring
        arrived[part.source].append(_moved(value, back.take, back.put, graph.units[part.source]))


def _moved(value: Scaled, take: npt.NDArray[np.int64] | None, put: npt.NDArray[np.int64] | None, units: int) -> Scaled:
    taken = value.mantissas if take is None else value.mantissas[:, take]
    if put is None:
        return Scaled(taken, value.logs)
    sums = [np.bincount(put, weights=row, minlength=units) for row in taken]
    return _normalised(np.stack(sums), value.logs)


def _summed(values: Sequence[Scaled]) -> Scaled:
    """Return the sum, brought to the largest scale."""
    if len(values) == 1:
        return _normalised(values[0].mantissas, values[0].logs)
    top = np.max([value.logs for value in values], axis=0)
    base = np.where(np.isfinite(top), top, 0.0)
    return _normalised(sum((v.mantissas * np.exp(v.logs - base) for v in values), start=np.zeros(1)), base)


def _normalised(values: Floats, logs: Floats) -> Scaled:
    """Return mantissas of at most 1; what is reached is 0 or 1 whatever the number of ways."""
    values = np.asarray(values)
    top = values.max(axis=1, keepdims=True)
    safe = np.where(top > 0, top, 1.0)
    mantissas = values / safe
    mantissas[REACHED] = values[REACHED] > 0
    with np.errstate(divide="ignore"):
        scaled = logs + np.log(top)
    scaled[REACHED] = np.where(top[REACHED] > 0, 0.0, -np.inf)
    return Scaled(mantissas, scaled)


def _silence(units: int) -> Scaled:
    return Scaled(np.zeros((4, units)), np.full((4, 1), -np.inf))


def _layer_flow(stack: Floats, before: Scaled, after: Scaled) -> LayerFlow:
    groups, outputs, inputs = stack.shape[1:]
    f = before.mantissas.reshape(4, groups, 1, inputs)
    b = after.mantissas.reshape(4, groups, outputs, 1)
    logs = (before.logs + after.logs)[:, 0]
    edges = (b[PATHS] * stack[PATHS]) * f[PATHS]
    outgoing = (b * (stack @ f.swapaxes(2, 3))).sum(axis=(1, 2, 3))
    kernel = float((b[SQUARE] * (stack[REACHED] @ f[SQUARE].swapaxes(1, 2))).sum())
    with np.errstate(divide="ignore"):
        through, trace = logs + np.log(outgoing), logs[SQUARE] + np.log(kernel)
    reached_in = (before.mantissas[REACHED] > 0).reshape(groups, 1, inputs)
    alive_in = int(np.count_nonzero(f[REACHED] * (b[REACHED] * stack[REACHED]).max(axis=1, keepdims=True)))
    alive_out = int(np.count_nonzero(b[REACHED] * (stack[REACHED] * reached_in).max(axis=2, keepdims=True)))
    return LayerFlow(through, float(trace), round(float(outgoing[REACHED])), alive_in, alive_out, _spread(edges))


def _unresolved(stack: Floats) -> LayerFlow:
    """Return the part of a weight whose wiring the graph does not hold: all that it keeps counts as effective."""
    counts = stack[PATHS]
    alive_in, alive_out = (int(np.count_nonzero(counts.sum(axis=axis))) for axis in (1, 2))
    logs, kept = np.full(4, -np.inf), round(float(counts.sum()))
    return LayerFlow(logs, -np.inf, kept, alive_in, alive_out, _spread(counts))


def _spread(edges: Floats) -> float:
    total = float(edges.sum())
    if total <= 0:
        return 0.0
    shares = edges[edges > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))
