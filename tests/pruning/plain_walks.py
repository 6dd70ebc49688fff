"""The oracle of the walks: one walker at a time, one unit at a time, over lists; slow and plain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from torch import nn

from pruning.graph import Junction, LayerGraph, Weighted
from pruning.parameters import prunable
from pruning.walks.options import identity_skips


@dataclass(eq=False)
class PlainWalker:
    """Walks of a network in which every prunable weight stands in the graph."""

    graph: LayerGraph
    module: nn.Module
    skip: float = 0.0

    def __post_init__(self) -> None:
        starts, total = {}, 0
        for name, weight in prunable(self.module).items():
            starts[name], total = total, total + weight.numel()
        self.total = total
        self.ahead: dict[tuple[int, int], list[Any]] = {}
        self.back: dict[tuple[int, int], list[Any]] = {}
        skips, application = identity_skips(self.graph), 0
        for number, step in enumerate(self.graph.steps):
            if isinstance(step, Weighted):
                name = self.graph.names[step.layer]
                self._weigh(step, application, starts[name], prunable(self.module)[name])
                application += 1
            else:
                self._wire(step, number, skips)
        self.applications = application
        self.inputs = [(0, u) for u in range(self.graph.units[0]) if self.live(0, u)]
        self.outputs = [(n, u) for n in self.graph.outputs for u in range(self.graph.units[n]) if self.live(n, u)]
        self.column = [self._columns(self.ahead), self._columns(self.back)]
        self.columns = application + max(map(len, self.column))

    def _weigh(self, step: Weighted, application: int, start: int, weight: nn.Parameter) -> None:
        use = self.graph.uses[self.graph.names[step.layer]]
        first, second = weight.shape[:2]
        entries = []
        for flat, value in enumerate(np.abs(weight.detach().double().numpy()).ravel().tolist()):
            a, b = divmod(flat // (weight.numel() // (first * second)), second)
            other = a // (first // use.groups) * second + b
            out, source = (other, a) if use.transposed else (a, other)
            if value > 0:
                entries.append((source, out, start + flat, value))
        for source, out, edge, value in entries:
            self._add(self.ahead, step.source, source, step.out, out, application, edge, value)
            self._add(self.back, step.out, out, step.source, source, application, edge, value)

    def _wire(self, step: Junction, number: int, skips: set[tuple[int, int]]) -> None:
        for place, part in enumerate(step.parts):
            count = self.graph.units[part.source] if part.take is None else len(part.take)
            for k in range(count):
                source = k if part.take is None else int(part.take[k])
                out = k if part.put is None else int(part.put[k])
                key = ("wire", number, place, (number, place) in skips)
                self._add(self.ahead, part.source, source, step.out, out, key, -1, 1.0)
                self._add(self.back, step.out, out, part.source, source, key, -1, 1.0)

    @staticmethod
    def _add(
        table: dict[tuple[int, int], list[Any]], node: int, unit: int, to: int, there: int, key: Any, *edge: Any
    ) -> None:
        options = table.setdefault((node, unit), [])
        for option in options:
            if option[0] == key:
                option[2].append((there, *edge))
                return
        options.append((key, to, [(there, *edge)]))

    @cache  # noqa: B019
    def _reaches(self, node: int, unit: int) -> bool:
        ways = self.ahead.get((node, unit), [])
        return node in self.graph.outputs or any(self._reaches(to, w[0]) for _, to, wires in ways for w in wires)

    @cache  # noqa: B019
    def _is_reached(self, node: int, unit: int) -> bool:
        ways = self.back.get((node, unit), [])
        return node == 0 or any(self._is_reached(to, w[0]) for _, to, wires in ways for w in wires)

    def live(self, node: int, unit: int) -> bool:
        return self._reaches(node, unit) and self._is_reached(node, unit)

    def options(self, table: dict[tuple[int, int], list[Any]], node: int, unit: int) -> list[Any]:
        """(probability, key, target node, [(target unit, edge, |w|)]) of each way out: a wire, or a weight's edges."""
        found = []
        for key, to, wires in table.get((node, unit), []):
            open_wires = sorted(w for w in wires if self.live(to, w[0]))
            if open_wires:
                found.append((key, to, open_wires))
        if not found:
            return []
        if table is self.ahead and node in self.graph.outputs:
            found.append((("stop",), -1, [(unit, -1, 1.0)]))
        is_skip = [isinstance(key, tuple) and key[0] == "wire" and key[3] for key, *_ in found]
        skips, others = sum(is_skip), len(found) - sum(is_skip)
        result: list[Any] = []
        for (key, to, wires), skipping in zip(found, is_skip, strict=True):
            if skipping:
                chance = (self.skip if others else 1.0) / skips
            else:
                chance = (1.0 - self.skip if skips else 1.0) / others
            if chance == 0:
                continue
            if isinstance(key, int):
                result.append((chance, key, to, wires))
            else:
                order = wires if key[0] == "stop" else [w for w in self._in_order(table, node, unit, key) if w in wires]
                result += [(chance / len(wires), key, to, [w]) for w in order]
        return result

    @staticmethod
    def _in_order(table: dict[tuple[int, int], list[Any]], node: int, unit: int, key: Any) -> list[Any]:
        return next(wires for other, _, wires in table[node, unit] if other == key)

    def _columns(self, table: dict[tuple[int, int], list[Any]]) -> dict[int, int]:
        branching = sorted({n for n, u in table if self.live(n, u) and len(self.options(table, n, u)) > 1})
        return {node: self.applications + place for place, node in enumerate(branching)}

    def walk(self, number: int, uniforms: list[float]) -> list[int]:
        """Return the edges of one walk, in the order it passes them."""
        table, starts = ((self.ahead, self.inputs), (self.back, self.outputs))[number % 2]
        columns = self.column[number % 2]
        node, unit = starts[number // 2 % len(starts)]
        edges: list[int] = []
        while True:
            ways = self.options(table, node, unit)
            if not ways:
                return edges
            drawn = ways[0]
            if len(ways) > 1:
                drawn = ways[_draw([way[0] for way in ways], uniforms[columns[node]])]
            _, key, to, wires = drawn
            if to == -1:
                return edges
            wire = wires[0]
            if isinstance(key, int):
                wire = wires[_draw([w[2] for w in wires], uniforms[key])]
                edges.append(wire[1])
            node, unit = to, wire[0]

    def union(self, kept: int, uniforms: list[list[float]]) -> tuple[set[int], int]:
        """Return the union of the walks that fit, and their number."""
        layer_of, total = {}, 0
        for number, weight in enumerate(prunable(self.module).values()):
            layer_of.update(dict.fromkeys(range(total, total + weight.numel()), number))
            total += weight.numel()
        held: set[int] = set()
        for number, row in enumerate(uniforms):
            more = held | set(self.walk(number, row))
            empty = len(set(layer_of.values())) - len({layer_of[edge] for edge in more})
            if len(more) + empty > kept:
                return held, number
            held = more
        raise AssertionError("too few uniform numbers")


def _draw(weights: list[float], uniform: float) -> int:
    total, reached = sum(weights), 0.0
    for place, weight in enumerate(weights):
        reached += weight
        if reached > uniform * total:
            return place
    return len(weights) - 1
