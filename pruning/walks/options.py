"""Where a walk can go from each node of a graph, in either direction, and which of these ways are identity skips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor

from pruning.graph import Junction, LayerGraph, Weighted
from pruning.walks.reach import wires

STOP = -1


@dataclass(frozen=True)
class Option:
    """One way out of a node.

    Attributes:
        target: the node it leads to, or STOP.
        application: number among the graph's weighted steps, if it leads over a weight.
        here, there: units of this node and of the target that the way joins, wire by wire; None over a weight.
        is_skip: it is the identity branch of a residual sum.
    """

    target: int
    application: int | None = None
    here: Tensor | None = None
    there: Tensor | None = None
    is_skip: bool = False

    def reversed(self, source: int) -> Option:
        """Return the same way, walked from its target."""
        return replace(self, target=source, here=self.there, there=self.here)


Options: TypeAlias = list[list[Option]]
"""For each node its ways out, in the order of the steps."""


def options(graph: LayerGraph) -> tuple[Options, Options]:
    """Return the options of forward and of reverse walks. Outputs that are also used further on can be left or not."""
    forward: Options = [[] for _ in graph.units]
    reverse: Options = [[] for _ in graph.units]
    skips, application = identity_skips(graph), 0
    for number, step in enumerate(graph.steps):
        ways: list[tuple[int, Option]] = []
        if isinstance(step, Weighted):
            ways, application = [(step.source, Option(step.out, application))], application + 1
        else:
            for place, part in enumerate(step.parts):
                here, there = wires(graph, step, part)
                ways.append((part.source, Option(step.out, None, here, there, (number, place) in skips)))
        for source, option in ways:
            forward[source].append(option)
            reverse[step.out].append(option.reversed(source))
    for node in graph.outputs:
        if forward[node]:
            every = torch.arange(graph.units[node])
            forward[node].append(Option(STOP, None, every, every))
    return forward, reverse


def identity_skips(graph: LayerGraph) -> set[tuple[int, int]]:
    """Return (step number, place among its parts) of the parts of residual sums that lead around weights.

    A part of a sum is an identity skip if another part of the sum leads, over weights, back to a node from which
    this part comes without any. Projections are none: they have a weight. Wires that lead to nothing but a skip
    (the padding of a shortcut without parameters) belong to it. Gates, which multiply, are none.
    """
    plain, beyond = _ancestors(graph)
    skips: set[tuple[int, int]] = set()
    for number, step in enumerate(graph.steps):
        if isinstance(step, Junction) and step.is_sum and not step.is_product:
            nodes = [part.source for part in step.parts]
            for place, node in enumerate(nodes):
                if any(plain[node] & beyond[other] for other in nodes if other != node):
                    skips.add((number, place))
    return skips | _leading_only_to(graph, skips)


def _leading_only_to(graph: LayerGraph, skips: set[tuple[int, int]]) -> set[tuple[int, int]]:
    more: set[tuple[int, int]] = set()
    onward = [node in graph.outputs for node in range(len(graph.units))]  # has a way on that is no skip
    for number in range(len(graph.steps) - 1, -1, -1):
        step = graph.steps[number]
        if isinstance(step, Weighted):
            onward[step.source] = True
            continue
        for place, part in enumerate(step.parts):
            if not onward[step.out]:
                more.add((number, place))
            elif (number, place) not in skips:
                onward[part.source] = True
    return more


def _ancestors(graph: LayerGraph) -> tuple[list[int], list[int]]:
    """Return for each node, as bit sets, the nodes it comes from without a weight (itself too) and over weights."""
    plain = [1 << node for node in range(len(graph.units))]
    beyond = [0] * len(graph.units)
    for step in graph.steps:
        if isinstance(step, Weighted):
            beyond[step.out] = plain[step.source] | beyond[step.source]
        else:
            for part in step.parts:
                plain[step.out] |= plain[part.source]
                beyond[step.out] |= beyond[part.source]
    return plain, beyond
