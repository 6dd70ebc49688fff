"""A search space without networks, for tests of strategies: a product of choices, each genome its own network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search_spaces.architecture import Choice

Genes = tuple[int, ...]


@dataclass(frozen=True)
class Seen:
    """What a strategy may know of a record."""

    genes: Genes
    digest: str
    state: str
    values: tuple[float, ...] | None


class Box:
    """Choices of the given sizes, all of them feasible, each genome canonical."""

    def __init__(self, *sizes: int, ordered: bool) -> None:
        self.choices = tuple(Choice(f"g{i}", tuple(range(n)), ordered) for i, n in enumerate(sizes))

    def canonical(self, genes: Genes) -> Genes:
        return genes

    def digest(self, genes: Genes) -> str:
        return repr(genes)

    def random(self, rng: np.random.Generator) -> Genes:
        return tuple(int(rng.integers(len(choice.values))) for choice in self.choices)

    def feasible(self, genes: Genes) -> bool:
        return True
