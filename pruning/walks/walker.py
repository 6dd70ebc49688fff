"""Random walks with probabilities proportional to |w|, from the inputs to the outputs and back, all at once.

Walkers that stand at one node advance together: one binary search draws the next unit of all of them. Nodes are
visited in topological order (reverse walks: backwards), so each walker is moved once at each node of its way.

Every walk has its own row of uniform numbers with a column for each decision it may meet, so what it does depends
neither on the other walkers nor on how many there are: first one column for each application of a weight, in the
order of the forward pass, then one for each node at which a walk of its direction can branch, in node order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import torch
from torch import Tensor

from pruning.graph import LayerGraph
from pruning.walks.choices import Choice, choice
from pruning.walks.edges import Edges
from pruning.walks.hops import Hop
from pruning.walks.options import STOP, Option, Options, options
from pruning.walks.reach import reached, reaching


@dataclass(frozen=True)
class _Node:
    """What to do at one node: choose among the ways out, if there is a choice, then go them."""

    ways: Sequence[tuple[Option, Hop | None]]
    choice: Choice | None
    column: int | None


_Crowd: TypeAlias = tuple[Tensor, Tensor]
"""Walkers at one node: their numbers, and the units they stand at."""


class Walker:
    """The walks of one network.

    Args:
        graph: the wiring.
        edges: the edges of each layer of the graph.
        skip_probability: probability of the identity branch of a residual sum where there is another one.

    Attributes:
        live: for each node the units on a way of non-zero weights from the input to the output. Walks pass
            through these only, so none ends in between.
        layers: for each application of a weight, in order, the number of its layer.
    """

    def __init__(self, graph: LayerGraph, edges: Sequence[Edges], skip_probability: float = 0.0) -> None:
        self._graph, self._edges, self._skip = graph, edges, skip_probability
        pairs = [layer.pairs for layer in edges]
        self.live = [a & b for a, b in zip(reached(graph, pairs), reaching(graph, pairs), strict=True)]
        self.layers = [step.layer for step in graph.weighted]
        forward, reverse = options(graph)
        self._forward = self._prepared(forward, reverse=False)
        self._reverse = self._prepared(reverse, reverse=True)

    @cached_property
    def columns(self) -> int:
        """Number of uniform numbers of each walk."""
        nodes = [*self._forward.values(), *self._reverse.values()]
        return max([len(self.layers), *(node.column + 1 for node in nodes if node.column is not None)])

    @cached_property
    def inputs(self) -> Tensor:
        """The live (node, unit) pairs at which forward walks start in turn, (count, 2) int64."""
        return self._starts([0])

    @cached_property
    def outputs(self) -> Tensor:
        """The live (node, unit) pairs at which reverse walks start in turn, (count, 2) int64."""
        return self._starts(self._graph.outputs)

    def counts(self, layer: int) -> bool:
        """Return whether the edges of a layer are prunable weights."""
        return self._edges[layer].start is not None

    def passable(self) -> set[int]:
        """Return the layers over which a way leads from the input to the output."""
        ends = [(self.live[step.source], self.live[step.out], step.layer) for step in self._graph.weighted]
        return {layer for source, out, layer in ends if bool(_joins(self._edges[layer], source, out))}

    def walk(self, first: int, uniforms: Tensor) -> Tensor:
        """Return the edges of consecutive walks.

        Even walks go forward from the inputs, odd ones in reverse from the outputs, each in turn.

        Args:
            first: number of the first walk.
            uniforms: (walks, columns) float64 in [0, 1).

        Returns:
            (walks, applications) int64: the number of the edge among all prunable weights, -1 for an application
            that the walk does not pass or whose weight is not prunable.
        """
        columns = uniforms.t().contiguous()
        found = torch.full((len(self.layers), len(uniforms)), -1)
        numbers = torch.arange(len(uniforms))
        for parity, nodes, starts in ((0, self._forward, self.inputs), (1, self._reverse, self.outputs)):
            mine = numbers[(first + parity) % 2 :: 2]
            start = starts[((first + mine) // 2) % len(starts)]
            at = {node: start[:, 0] == node for node in sorted(set(starts[:, 0].tolist()))}
            crowds = {node: (mine[here], start[here, 1]) for node, here in at.items()}
            self._advance(nodes, crowds, columns, found)
        return found.t()

    def _advance(self, nodes: dict[int, _Node], starts: dict[int, _Crowd], uniforms: Tensor, found: Tensor) -> None:
        crowds: defaultdict[int, list[_Crowd]] = defaultdict(list)
        for number, crowd in starts.items():
            crowds[number].append(crowd)
        for number, node in nodes.items():
            here = crowds.pop(number, [])
            if not here:
                continue
            who, units = (torch.cat(parts) for parts in zip(*here, strict=True))
            for (option, hop), walkers, ahead in _parted(node, who, units, uniforms):
                if hop is None or option.application is None:
                    crowds[option.target].append((walkers, ahead))
                    continue
                far, entries = hop.draw(ahead, uniforms[option.application, walkers])
                crowds[option.target].append((walkers, far))
                if hop.edges.start is not None:
                    found[option.application, walkers] = entries + hop.edges.start

    def _prepared(self, ways: Options, *, reverse: bool) -> dict[int, _Node]:
        """Return the nodes that walks can leave, in the order in which they come to them."""
        column, nodes = len(self.layers), {}
        for number in range(len(ways)):
            out = [(option, self._hop(option, reverse=reverse)) for option in ways[number]]
            if not out or not bool(self.live[number].any()):
                continue
            if len(out) == 1 and out[0][1] is not None:
                nodes[number] = _Node(out, None, None)
                continue
            wires = [self._open(number, option, hop) for option, hop in out]
            made = choice([option for option, _ in out], wires, len(self.live[number]), self._skip)
            nodes[number] = _Node(out, made, None if made.is_forced else column)
            column += not made.is_forced
        return dict(sorted(nodes.items(), reverse=reverse))

    def _hop(self, option: Option, *, reverse: bool) -> Hop | None:
        if option.application is None:
            return None
        step = self._graph.weighted[option.application]
        return Hop.of(self._edges[step.layer], self.live[step.source], self.live[step.out], reverse=reverse)

    def _open(self, node: int, option: Option, hop: Hop | None) -> tuple[Tensor, Tensor]:
        """Return the wires (unit here, unit there) of an option that join live units."""
        if option.here is None or option.there is None:
            units = hop.passable().nonzero().flatten() if hop is not None else torch.arange(0)
            return units, units
        live = self.live[node][option.here]
        if option.target != STOP:
            live = live & self.live[option.target][option.there]
        return option.here[live], option.there[live]

    def _starts(self, nodes: Iterable[int]) -> Tensor:
        pairs = [torch.stack([torch.full_like(u, n), u], 1) for n in nodes for u in [self.live[n].nonzero().flatten()]]
        return torch.cat(pairs)


def _joins(edges: Edges, sources: Tensor, outs: Tensor) -> Tensor:
    """Return whether an edge leads from a live source to a live result."""
    groups, outputs, inputs = edges.pairs.shape
    return (edges.pairs & outs.view(groups, outputs, 1) & sources.view(groups, 1, inputs)).any()


def _parted(
    node: _Node, who: Tensor, units: Tensor, uniforms: Tensor
) -> Iterator[tuple[tuple[Option, Hop | None], Tensor, Tensor]]:
    """Yield each way out of a node with the walkers that take it and the units they go to, or hop from."""
    if node.choice is None:
        yield node.ways[0], who, units
        return
    drawn, ahead = node.choice.draw(units, None if node.column is None else uniforms[node.column, who])
    if len(node.ways) == 1:
        yield node.ways[0], who, ahead
        return
    for number, way in enumerate(node.ways):
        taken = drawn == number
        yield way, who[taken], ahead[taken]
