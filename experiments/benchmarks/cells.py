"""Searches without training or storage: NAS-Bench-201's cells as strategies see them, and one run on any table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nas.strategies import GenomeSpace, Strategy
from nas.strategies.strategy import Genes
from search_spaces import SPACES, cell_graph


class TableSpace(GenomeSpace, Protocol):
    """A space whose networks are rows of a table."""

    def number(self, genes: Genes) -> int:
        """Return the network's row."""


class Cells:
    """The part of a candidate space that strategies use, over the space `cell`; every network is dense."""

    choices = SPACES["cell"].choices

    def canonical(self, genes: Genes) -> Genes:
        """Return the first cell that computes the same function."""
        return cell_graph.canonical(genes)

    def digest(self, genes: Genes) -> str:
        """Return the canonical cell's number."""
        return str(self.number(self.canonical(genes)))

    def number(self, genes: Genes) -> int:
        """Return the cell's number."""
        return cell_graph.number(genes)

    def random(self, rng: np.random.Generator) -> Genes:
        """Return a canonical cell, every edge drawn uniformly."""
        return self.canonical(tuple(rng.integers(len(cell_graph.OPERATIONS), size=len(cell_graph.EDGES)).tolist()))

    def feasible(self, genes: Genes) -> bool:
        """Return True: the table has every cell."""
        return True


@dataclass(frozen=True)
class Query:
    """A record as strategies see it."""

    genes: Genes
    digest: str
    values: tuple[float, ...]
    state: str = "finished"


@lru_cache(maxsize=1)
def networks() -> NDArray[np.int64]:
    """Return the numbers of the canonical cells: what a search can ask for, (4660,)."""
    return np.array(sorted({cell_graph.number(cell_graph.canonical(genes)) for genes in cell_graph.all_cells()}))


def run(
    strategy: Strategy,
    space: TableSpace,
    accuracy: NDArray[np.float64],
    best: float,
    queries: int,
    batch: int,
    seed: int,
) -> list[list[int]]:
    """Return the incumbents of one search as [query, row], one entry for each change.

    The incumbent is the queried network of the best accuracy. The search ends early once it has found the best of
    all: the incumbent cannot change any more.

    Args:
        strategy: proposes; it sees only what was queried.
        space: the networks.
        accuracy: what a query answers, by row.
        best: the best accuracy of a network of the space.
        queries: most networks to ask for.
        batch: most proposals of one call; there are fewer while fewer than ten times as many are known.
        seed: of the whole run.
    """
    history: list[Query] = []
    changes: list[list[int]] = []
    while len(history) < queries:
        rng = np.random.default_rng([seed, len(history)])
        count = min(batch, queries - len(history), max(1, len(history) // 10))
        proposals = strategy(space, history, count, rng)
        if not proposals:
            return changes
        for genes in proposals:
            row = space.number(genes)
            history.append(Query(genes, space.digest(genes), (float(accuracy[row]),)))
            if not changes or accuracy[row] > accuracy[changes[-1][1]]:
                changes.append([len(history), row])
            if accuracy[row] == best:
                return changes
    return changes


def incumbents(changes: Sequence[Sequence[int]], queries: int) -> NDArray[np.int64]:
    """Return the incumbent's row after each query, (queries,), from the changes that `run` returned."""
    found = np.empty(queries, dtype=np.int64)
    for query, row in changes:
        found[query - 1 :] = row
    return found
