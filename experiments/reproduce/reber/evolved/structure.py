"""A masked graph without weights: what is compared, and trained with the weights of any seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from torch import nn

from nas.batch_trial import Member
from nas.candidates import Candidate
from nas.seeds import stream
from pruning import Evidence, MaskSet, Sparsity, prune
from pruning.parameters import existing
from search_spaces import Signature
from search_spaces.graphs import Graph
from search_spaces.graphs.networks import GraphRNN
from search_spaces.graphs.spaces import GraphRNNs
from search_spaces.initialize import initialize, skeleton


@dataclass(frozen=True, slots=True)
class Structure:
    """A graph, where letters enter it, and how it is pruned; `seed` decides the mask, with the weights that it ranks.

    The mask is that of the candidate (`nas.realize`) of the same seed.
    """

    graph: Graph
    cell: str
    inputs: str
    sparsity: Sparsity
    seed: int

    @classmethod
    def of(cls, candidate: Candidate) -> Structure:
        """Return the structure of a candidate of graph_rnn with recurrent wiring."""
        space = GraphRNNs()
        values = space.values(candidate.architecture)
        graph = space.graph(candidate.architecture)
        return cls(graph, str(values["cell"]), str(values["inputs"]), candidate.sparsity, candidate.seed)

    def network(self, signature: Signature, seed: int) -> nn.Module:
        """Return the dense network with the first weights of a seed."""
        return initialize(self._maker(signature), stream(seed, "init"), gain=1.0)

    def masks(self, signature: Signature) -> MaskSet:
        """Return the masks of the structure's own seed."""
        evidence = Evidence(signature.input_shape, stream(self.seed, "mask"))
        return prune(self.network(signature, self.seed), self.sparsity, evidence)

    def weights(self, signature: Signature) -> int:
        """Return how many weights there are before pruning."""
        return sum(existing(skeleton(self._maker(signature))).values())

    def keeping(self, kept: int, signature: Signature) -> Structure | None:
        """Return the structure pruned to so many weights; None if it has fewer."""
        weights = self.weights(signature)
        return None if weights < kept else replace(self, sparsity=replace(self.sparsity, density=kept / weights))

    def entered(self) -> int:
        """Return the number of nodes at which letters enter, before pruning."""
        return self.graph.nodes if self.inputs == "all" else len(self.graph.sources)

    def member(self, place: int, seed: int, signature: Signature) -> Member:
        """Return it with the first weights and the order of strings of a seed, to train at a place of a population."""
        return Member(place, seed, self.network(signature, seed), self.masks(signature))

    def _maker(self, signature: Signature) -> Callable[[], nn.Module]:
        return partial(GraphRNN, self.graph, self.cell, signature.input_shape[1], signature.classes, self.inputs)
