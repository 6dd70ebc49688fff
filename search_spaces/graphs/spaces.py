"""The spaces `graph_rnn` and `graph_mlp`: which graph, and what is made of it."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from search_spaces.activations import ACTIVATIONS
from search_spaces.architecture import Architecture, Choice, Signature
from search_spaces.errors import SpaceError
from search_spaces.graphs import GENERATORS, Graph, watts_strogatz
from search_spaces.graphs.masked import CELLS
from search_spaces.graphs.networks import GraphMLP, GraphRNN, LayeredRNN
from search_spaces.initialize import initialize, skeleton
from search_spaces.space import SearchSpace

_GRAPHS = 32
_RANDOM = (
    Choice("generator", tuple(GENERATORS)),
    Choice("rewiring", (0.25, 0.5, 1.0), ordered=True),
    Choice("nodes", (12, 16, 20, 24, 28, 32, 40, 48), ordered=True),
    Choice("degree", (4, 6, 8), ordered=True),
    Choice("graph", tuple(range(_GRAPHS))),
)
"""The genes of a graph: `rewiring` is Watts-Strogatz's alone; `graph` numbers the draws of one generator and size."""


@lru_cache(maxsize=4096)
def drawn(generator: str, rewiring: float, nodes: int, degree: int, number: int) -> Graph:
    """Return draw `number` of a generator at a size: the same graph on every machine."""
    rng = np.random.default_rng((number, nodes, degree))
    if generator == "watts_strogatz":
        return watts_strogatz(nodes, degree, rng, rewiring=rewiring)
    return GENERATORS[generator](nodes, degree, rng)


class _GraphSpace(SearchSpace):
    """What both spaces share: the graph's genes come first, and there is one stage."""

    stages = 1

    def build(self, architecture: Architecture, signature: Signature, *, generator: torch.Generator) -> nn.Module:
        """Return the initialised network, on the CPU in train mode, as a pure function of the arguments."""
        return initialize(self._maker(architecture, signature), generator, gain=1.0)

    def skeleton(self, architecture: Architecture, signature: Signature) -> nn.Module:
        """Return the network on the meta device: its shapes, without storage or values."""
        return skeleton(self._maker(architecture, signature))

    def graph(self, architecture: Architecture) -> Graph:
        """Return the graph of an architecture."""
        values = self.values(architecture)
        size = int(values["nodes"]), int(values["degree"]), int(values["graph"])
        return drawn(str(values["generator"]), float(values["rewiring"]), *size)

    def canonical(self, architecture: Architecture) -> Architecture:
        """Return the same genes, those without effect at 0, and of equal draws the first."""
        values = self.values(architecture)
        genes = list(architecture.genes)
        for index, choice in enumerate(self.choices):
            if choice.name in self.dead(values):
                genes[index] = 0
        number = [choice.name for choice in self.choices].index("graph")
        settled = Architecture(self.name, tuple(genes))
        graph = self.graph(settled)
        for earlier in range(genes[number]):
            same = Architecture(self.name, (*genes[:number], earlier, *genes[number + 1 :]))
            if self.graph(same) == graph:
                return same
        return settled

    def dead(self, values: dict[str, str | int | float]) -> set[str]:
        """Return the names of the genes that change nothing."""
        return set() if values["generator"] == "watts_strogatz" else {"rewiring"}

    def stage_patterns(self, architecture: Architecture) -> tuple[str, ...]:
        """Return one glob for all parameters: the graph is one stage."""
        return ("*",)

    @abstractmethod
    def _maker(self, architecture: Architecture, signature: Signature) -> Callable[[], nn.Module]:
        """Return what builds the network, not initialised."""


class GraphRNNs(_GraphSpace):
    """Recurrent networks on strings (time, features), or on images read row by row."""

    name = "graph_rnn"
    choices = (
        *_RANDOM,
        Choice("cell", tuple(CELLS)),
        Choice("wiring", ("recurrent", "layered")),
        Choice("inputs", ("all", "sources")),
    )

    def dead(self, values: dict[str, str | int | float]) -> set[str]:
        """Return the names of the genes that change nothing: in layers the input enters at the sources anyway."""
        return super().dead(values) | ({"inputs"} if values["wiring"] == "layered" else set())

    def _maker(self, architecture: Architecture, signature: Signature) -> Callable[[], nn.Module]:
        values, graph, shape = self.values(architecture), self.graph(architecture), signature.input_shape
        if len(shape) not in (2, 3):
            raise SpaceError(
                f"input of space 'graph_rnn' must be (time, features) or (channels, rows, columns); got {shape} "
                f"(Signature.input_shape). Use another space."
            )
        features = shape[1] if len(shape) == 2 else shape[0] * shape[2]
        cell = str(values["cell"])
        if values["wiring"] == "layered":
            return lambda: LayeredRNN(graph, cell, features, signature.classes)
        return lambda: GraphRNN(graph, cell, features, signature.classes, str(values["inputs"]))


class GraphMLPs(_GraphSpace):
    """Feed-forward networks with skip connections, on the flattened input."""

    name = "graph_mlp"
    choices = (*_RANDOM, Choice("activation", tuple(ACTIVATIONS)), Choice("units", (4, 8, 16, 32), ordered=True))

    def _maker(self, architecture: Architecture, signature: Signature) -> Callable[[], nn.Module]:
        values, graph = self.values(architecture), self.graph(architecture)
        inputs, units = math.prod(signature.input_shape), int(values["units"])
        return lambda: GraphMLP(graph, str(values["activation"]), inputs, signature.classes, units)
