"""The networks of the experiment: 200 graphs and a twin of each, the same for every cell and seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from torch import nn

from nas.seeds import derive, numpy_stream, stream
from search_spaces.graphs import Graph, barabasi_albert, twin, watts_strogatz
from search_spaces.graphs.networks import GraphRNN
from search_spaces.initialize import initialize

LETTERS, CLASSES = 7, 2
CELLS = ("tanh", "relu", "gru", "lstm")
EACH = 100
"""Graphs of each generator."""


@dataclass(frozen=True)
class Network:
    """One graph of the experiment. Letters enter at `inputs`: the sources of the graph, also in its twin.

    `family` is "barabasi_albert" or "watts_strogatz", `number` counts its graphs, `is_twin` says which of the two.
    """

    family: str
    number: int
    is_twin: bool
    graph: Graph
    inputs: tuple[int, ...]

    def build(self, cell: str, seed: int, classes: int = CLASSES) -> nn.Module:
        """Return the initialised network, a function of graph, cell and seed, and but for the head not of `classes`."""
        own = derive(seed, f"reber/{cell}/{self.family}/{self.number}/{self.is_twin}")
        return initialize(
            lambda: GraphRNN(self.graph, cell, LETTERS, classes, self.inputs), stream(own, "init"), gain=1.0
        )


def networks() -> list[Network]:
    """Return the 400 networks, smallest first.

    Sizes as published: n uniform in 10..50, m = n // 10 edges a new node (Barabási-Albert), k = n // 5 neighbours,
    lowered to an even number (Watts-Strogatz).
    Differs from the paper: the rewiring probability is uniform in [0, 1]; there it is 1, which leaves nothing of the
        small world.
    """
    return list(_made())


@cache
def _made() -> tuple[Network, ...]:
    found = []
    for family in ("barabasi_albert", "watts_strogatz"):
        for number in range(EACH):
            rng = numpy_stream(number, f"reber/{family}")
            nodes = int(rng.integers(10, 51))
            if family == "barabasi_albert":
                graph = barabasi_albert(nodes, 2 * max(1, nodes // 10), rng)
            else:
                graph = watts_strogatz(nodes, nodes // 5, rng, rewiring=float(rng.random()))
            pair = graph, twin(graph, numpy_stream(number, f"reber/{family}/twin"))
            found += [Network(family, number, i == 1, one, graph.sources) for i, one in enumerate(pair)]
    return tuple(sorted(found, key=lambda one: (one.graph.nodes, one.family, one.number, one.is_twin)))


def reachable(network: Network) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return each node's distance from the nearest input, (nodes,); nodes + 1 where there is no way."""
    distance = np.full(network.graph.nodes, network.graph.nodes + 1, dtype=np.int64)
    front, steps = set(network.inputs), 0
    while front:
        distance[list(front)] = steps
        steps += 1
        near = np.flatnonzero(network.graph.adjacency[list(front)].any(0)).tolist()
        front = {node for node in near if distance[node] > steps}
    return distance
