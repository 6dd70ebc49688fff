"""The proposals of one call: canonical, feasible, new; filled up at random when a strategy runs dry."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nas.strategies.chronicle import digests
from nas.strategies.strategy import Genes, GenomeSpace, Observation

PATIENCE = 500
"""Random genomes refused in a row before the space counts as nearly exhausted."""
ENUMERABLE = 20_000
"""Spaces of at most this many genomes are then searched through to the last one."""


class Fresh:
    """Collects at most `count` genomes whose digests are neither in `history` nor collected already."""

    def __init__(self, space: GenomeSpace, history: Sequence[Observation], count: int) -> None:
        self.accepted: list[Genes] = []
        self._space = space
        self._count = count
        self._known = digests(history)
        self._offered: set[str] = set()

    @property
    def missing(self) -> int:
        """How many genomes are still wanted."""
        return self._count - len(self.accepted)

    def offer(self, genes: Sequence[int]) -> bool:
        """Take the genome's canonical form if it is new, feasible and wanted; return whether it was taken."""
        canonical = self._space.canonical(tuple(int(gene) for gene in genes))
        digest = self._space.digest(canonical)
        known = digest in self._known or digest in self._offered
        if self.missing <= 0 or known or not self._space.feasible(canonical):
            return False
        self._offered.add(digest)
        self.accepted.append(canonical)
        return True

    def fill(self, rng: np.random.Generator) -> list[Genes]:
        """Return the collected genomes after adding uniformly drawn ones up to `count`.

        When nothing new turns up in `PATIENCE` draws, a space of at most `ENUMERABLE` genomes is gone through
        entirely, so that the result is short only if the space is exhausted; a larger one is given up, as it
        is then all but exhausted or almost nowhere feasible.
        """
        misses = 0
        while self.missing > 0 and misses < PATIENCE:
            misses = 0 if self.offer(self._space.random(rng)) else misses + 1
        if self.missing > 0:
            self._search_through(rng)
        return self.accepted

    def _search_through(self, rng: np.random.Generator) -> None:
        shape = tuple(len(choice.values) for choice in self._space.choices)
        if math.prod(shape) > ENUMERABLE:
            return
        for index in rng.permutation(math.prod(shape)):
            if self.missing <= 0:
                return
            self.offer([int(gene) for gene in np.unravel_index(index, shape)])
