"""Networks made of a graph: recurrent with the graph as its hidden weights, recurrent in layers, or feed-forward."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from search_spaces.activations import ACTIVATIONS, GAINS
from search_spaces.graphs.graph import Graph
from search_spaces.graphs.masked import MaskedLinear, MaskedRecurrent, Wiring


def as_sequence(x: Tensor) -> Tensor:
    """Return (B, T, F) as it is, and an image (B, C, H, W) read row by row as (B, H, C W)."""
    return x.transpose(1, 2).flatten(2) if x.dim() == 4 else x


class GraphRNN(nn.Module):
    """The graph's edges, both ways, and a loop at each node are the hidden weights; the last state of all is read.

    Every node is on a way from the input to the output: with `inputs` "sources" the letters enter at the nodes without
    a lower-numbered neighbour, of which every component has one, with "all" everywhere; or at the nodes given.
    """

    def __init__(self, graph: Graph, cell: str, features: int, classes: int, inputs: str | Sequence[int]) -> None:
        super().__init__()
        entered = np.zeros((graph.nodes, features), dtype=np.bool_)
        named = {"sources": list(graph.sources), "all": list(range(graph.nodes))}
        entered[named[inputs] if isinstance(inputs, str) else list(inputs)] = True
        hidden = graph.adjacency | np.eye(graph.nodes, dtype=np.bool_)
        self.recurrent = MaskedRecurrent(cell, entered, hidden)
        self.head = MaskedLinear(np.ones((classes, graph.nodes), dtype=np.bool_))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes), read at the last step."""
        logits: Tensor = self.head(self.recurrent(as_sequence(x))[:, -1])
        return logits


class LayeredRNN(nn.Module):
    """Edges run from lower to higher numbers; each longest-path layer is a recurrent layer with dense hidden weights.

    A layer is fed by all earlier ones at the same step, through the graph's edges; layer 0, the sources, by the
    input. All sinks are read, so no node is dead; with `read_last` only those of the last layer are.

    Source: J. Stier, H. Darji, M. Granitzer, 2021, arXiv 2107.12917, section 2 (layers and skip connections).
    Differs from the paper: branches are summed before the activation, as its equation says and its code does not;
        a layer has one recurrent matrix, not one for each pair of layers; all sinks are read.
    """

    def __init__(self, graph: Graph, cell: str, features: int, classes: int, *, read_last: bool = False) -> None:
        super().__init__()
        layers = layered(graph)
        self.layers = nn.ModuleList(
            MaskedRecurrent(cell, _entering(graph, layers, index, features), _full(len(nodes), len(nodes)))
            for index, nodes in enumerate(layers)
        )
        self.head = MaskedLinear(_read(graph, layers, classes, last=read_last))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes), read at the last step."""
        states: list[Tensor] = []
        for layer in self.layers:
            states.append(layer(torch.cat(states, -1) if states else as_sequence(x)))
        logits: Tensor = self.head(torch.cat(states, -1)[:, -1])
        return logits


class GraphMLP(nn.Module):
    """The same layers and edges without time; a node is `units` units, joined to another node's by a full block."""

    def __init__(self, graph: Graph, activation: str, inputs: int, classes: int, units: int) -> None:
        super().__init__()
        layers = layered(graph)
        inner = [np.kron(_entering(graph, layers, i, 0), _full(units, units)) for i in range(1, len(layers))]
        wirings = [_full(len(layers[0]) * units, inputs), *inner]
        self.layers = nn.ModuleList(MaskedLinear(wiring, GAINS[activation]) for wiring in wirings)
        self.activation = ACTIVATIONS[activation]()
        self.head = MaskedLinear(np.kron(_read(graph, layers, 1, last=False), _full(classes, units)))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) of inputs (B, ...)."""
        states: list[Tensor] = []
        for layer in self.layers:
            states.append(self.activation(layer(torch.cat(states, -1) if states else x.flatten(1))))
        logits: Tensor = self.head(torch.cat(states, -1))
        return logits


def layered(graph: Graph) -> list[list[int]]:
    """Return the nodes of each longest-path layer, sources first."""
    return [[v for v, place in enumerate(graph.layers) if place == i] for i in range(max(graph.layers) + 1)]


def _entering(graph: Graph, layers: Sequence[Sequence[int]], index: int, features: int) -> Wiring:
    """Return which earlier nodes, in the order of layers, enter each node of a layer; layer 0 is fed by the input."""
    if index == 0:
        return _full(len(layers[0]), features)
    earlier = [node for layer in layers[:index] for node in layer]
    return np.ascontiguousarray(graph.adjacency[np.ix_(layers[index], earlier)])


def _read(graph: Graph, layers: Sequence[Sequence[int]], classes: int, *, last: bool) -> Wiring:
    read = set(layers[-1] if last else graph.sinks)
    row = np.array([node in read for layer in layers for node in layer], dtype=np.bool_)
    return np.tile(row, (classes, 1))


def _full(rows: int, columns: int) -> Wiring:
    return np.ones((rows, columns), dtype=np.bool_)
