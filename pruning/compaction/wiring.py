"""Which units of a network can only be removed together, and which cannot be removed, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from pruning.compaction.functions import UNITWISE
from pruning.graph import Indices, Junction, LayerGraph, Part, Weighted

_CUTTABLE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
"""Layers that can be made smaller, exactly these types: a subclass may use its weight in another way."""


@dataclass
class Wiring:
    """A graph's units numbered through all nodes, and what binds them.

    Attributes:
        graph: the wiring itself.
        first: number of each node's unit 0, (nodes + 1,).
        together: for each unit, the number that all units removed with it share, (units,).
        pinned: node -> why all its units stay.
        layers: module path -> the one step that applies its weight, for layers that can be made smaller.
        norms: module path of a batch norm -> the node it normalises.
        mixing: nodes in which one unit tells on all others.
    """

    graph: LayerGraph
    first: Indices
    together: Indices
    pinned: dict[int, str] = field(default_factory=dict)
    layers: dict[str, Weighted] = field(default_factory=dict)
    norms: dict[str, int] = field(default_factory=dict)
    mixing: set[int] = field(default_factory=set)

    def units(self, node: int) -> slice:
        """Return where a node's units lie in arrays over all units."""
        return slice(int(self.first[node]), int(self.first[node + 1]))

    def pin(self, node: int, reason: str) -> None:
        """Keep all units of a node; the first reason given is the one that is told."""
        self.pinned.setdefault(node, reason)


def wire(module: nn.Module, graph: LayerGraph) -> Wiring:
    """Return what binds the units of a traced network.

    Units of summed tensors go together, a concatenation's with those it is made of, a flattened channel's inputs
    with the channel, and a grouped convolution's groups as wholes. What is not understood stays as it is.
    """
    first = np.concatenate([[0], np.cumsum(graph.units)]).astype(np.int64)
    wiring = Wiring(graph, first, np.arange(first[-1], dtype=np.int64))
    wiring.pin(0, "it is the network's input")
    for node in graph.outputs:
        wiring.pin(node, "it is the network's output")
    _passes(wiring, module)
    _weights(wiring, module)
    bonds = [pair for step in graph.steps for pair in _bonds(wiring, step)]
    if bonds:
        ends = [np.concatenate(side) for side in zip(*bonds, strict=True)]
        wiring.together = _joined(wiring.together, ends[0], ends[1])
    return wiring


def _passes(wiring: Wiring, module: nn.Module) -> None:
    for done in wiring.graph.passes:
        if done.function in UNITWISE:
            continue
        path = done.names[0].rpartition(".")[0] if done.names else ""
        owner = module.get_submodule(path) if done.function == "batch_norm" and done.names else None
        if isinstance(owner, _BatchNorm) and wiring.norms.setdefault(path, done.node) == done.node:
            continue
        wiring.mixing.add(done.node)
        wiring.pin(done.node, f"{done.function} needs all its units")


def _weights(wiring: Wiring, module: nn.Module) -> None:
    applied = [step.layer for step in wiring.graph.weighted]
    for step in wiring.graph.weighted:
        name = wiring.graph.names[step.layer]
        path, _, leaf = name.rpartition(".")
        owner = None if name.startswith("<") else module.get_submodule(path)
        reason = ""
        if owner is None:
            reason = "its weight is computed in the forward pass"
        elif type(owner) not in _CUTTABLE or leaf != "weight":
            reason = f"{type(owner).__name__} keeps its shape"
        elif applied.count(step.layer) > 1:
            reason = "its weight is used more than once"
        if reason:
            for node in (step.source, step.out):
                wiring.pin(node, f"{reason} ({name})")
        else:
            wiring.layers[path] = step


def _bonds(wiring: Wiring, step: Junction | Weighted) -> Iterator[tuple[Indices, Indices]]:
    """Yield pairs of arrays of units that go together; pin what a junction does not explain."""
    graph = wiring.graph
    if isinstance(step, Weighted):
        groups = graph.uses[graph.names[step.layer]].groups
        if groups > 1:
            inputs, outputs = _numbers(wiring, step.source), _numbers(wiring, step.out)
            leaders = inputs[:: len(inputs) // groups]
            yield np.repeat(leaders, len(inputs) // groups), inputs
            yield np.repeat(leaders, len(outputs) // groups), outputs
        return
    moved = [_explained(graph, step, part) for part in step.parts]
    if any(found is None for found in moved) or not _fills(graph, step, moved):
        for node in (step.out, *(part.source for part in step.parts)):
            wiring.pin(node, "its units are picked by number in the forward pass")
        return
    for part, found in zip(step.parts, moved, strict=True):
        if found is not None:
            take, put = found
            yield _numbers(wiring, part.source)[take], _numbers(wiring, step.out)[put]


def _explained(graph: LayerGraph, step: Junction, part: Part) -> tuple[Indices, Indices] | None:
    """Return (take, put) if the part is a whole tensor in order, perhaps flattened: what survives a cut; else None."""
    units = graph.units[part.source]
    every = np.arange(units, dtype=np.int64)
    if part.take is None and part.put is None:
        return every, every
    if part.take is None and part.put is not None:
        return (every, part.put) if np.array_equal(part.put, part.put[0] + every) else None
    if part.take is not None and part.put is None and len(step.parts) == 1 and len(part.take) % units == 0:
        flat = np.repeat(every, len(part.take) // units)
        return (flat, np.arange(len(flat), dtype=np.int64)) if np.array_equal(part.take, flat) else None
    return None


def _fills(graph: LayerGraph, step: Junction, moved: list[tuple[Indices, Indices] | None]) -> bool:
    """Return whether the parts are either summed, all over the whole node, or stand one after another in it."""
    puts = [found[1] for found in moved if found is not None]
    units = graph.units[step.out]
    if all(len(put) == units for put in puts):
        return bool(puts)
    return np.array_equal(np.concatenate(puts), np.arange(units))


def _numbers(wiring: Wiring, node: int) -> Indices:
    return np.arange(wiring.first[node], wiring.first[node + 1], dtype=np.int64)


def _joined(labels: Indices, left: Indices, right: Indices) -> Indices:
    """Return labels in which joined units share the least one: every sweep hands it on and follows it back."""
    while True:
        before = labels.copy()
        least = np.minimum(labels[left], labels[right])
        np.minimum.at(labels, left, least)
        np.minimum.at(labels, right, least)
        labels = labels[labels]
        if np.array_equal(labels, before):
            return labels
