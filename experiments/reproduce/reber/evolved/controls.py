"""Networks of a given size, drawn by chance: what a sceptic would compare an evolved one with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from experiments.reproduce.reber.evolved.structure import Structure
from nas.genomes import CandidateSpace
from nas.seeds import derive, numpy_stream
from search_spaces.graphs import Graph

TRIES = 20_000
"""Draws until one has as many weights as must be kept."""

Draw = Callable[[Structure, CandidateSpace, int], Structure]
"""(evolved, the space it is from, seed) -> a structure to prune to as many weights."""


def uniform(nodes: int, edges: int, rng: np.random.Generator) -> Graph:
    """Return a graph uniform over all with these numbers of nodes and edges (Erdős and Rényi 1959)."""
    pairs = np.stack(np.triu_indices(nodes, 1), 1)
    kept = rng.choice(len(pairs), size=edges, replace=False)
    return Graph.of(nodes, [(int(u), int(v)) for u, v in pairs[kept]])


def random_graph(evolved: Structure, space: CandidateSpace, seed: int) -> Structure:
    """Return a uniformly random graph of the same nodes and edges; letters enter and weights go by the same rules."""
    graph = uniform(evolved.graph.nodes, len(evolved.graph.edges), numpy_stream(seed, "graph"))
    return replace(evolved, graph=graph, seed=seed)


def random_structure(evolved: Structure, space: CandidateSpace, seed: int) -> Structure:
    """Return a network of the space with as many nodes, everything else drawn: generator, edges, inputs, method."""
    rng = numpy_stream(seed, "structure")
    genes = [int(rng.integers(len(choice.values))) for choice in space.choices]
    place = next(i for i, choice in enumerate(space.choices) if choice.name == "nodes")
    genes[place] = space.choices[place].values.index(evolved.graph.nodes)
    return replace(Structure.of(space.decode(tuple(genes))), seed=seed)


def new_mask(evolved: Structure, space: CandidateSpace, seed: int) -> Structure:
    """Return the same graph and method, the mask drawn again."""
    return replace(evolved, seed=seed)


CONTROLS: Mapping[str, Draw] = MappingProxyType(
    {"random graphs": random_graph, "random structures": random_structure, "masks drawn again": new_mask}
)
"""What is drawn for every network of evolution's front, once for each of its copies."""


def control(draw: Draw, evolved: Structure, kept: int, space: CandidateSpace, seed: int) -> Structure:
    """Return the first draw that has enough weights, pruned to exactly `kept`.

    Raises:
        ValueError: none of many draws has enough.
    """
    for attempt in range(TRIES):
        found = draw(evolved, space, derive(seed, f"draw/{attempt}")).keeping(kept, space.signature)
        if found is not None:
            return found
    raise ValueError(f"a control must keep {kept} weights; got fewer in each of {TRIES} draws. Keep fewer weights.")
