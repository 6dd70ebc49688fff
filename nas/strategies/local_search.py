"""Local search: walk from the best network through all its neighbours; where none is left, from the next best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nas.strategies.chronicle import parents
from nas.strategies.deap_tools import select
from nas.strategies.fresh import Fresh
from nas.strategies.strategy import Genes, GenomeSpace, Observation

if TYPE_CHECKING:
    from search_spaces import Choice

STARTS = 50
"""At most so many of the best records are walked from in one call."""


def local_search(
    space: GenomeSpace,
    history: Sequence[Observation],
    count: int,
    rng: np.random.Generator,
    *,
    initial: int = 10,
) -> list[Genes]:
    """Return neighbours, in random order, of the best record that has unknown ones; see `Strategy`.

    A better neighbour is walked from as soon as it has finished (first improvement). Until `initial` records have
    finished, genomes are random; with several objectives the best is first by dominance, then by crowding.

    Source: White, Nolen, Savani 2021, UAI, arXiv:2005.02960, Algorithm 1; Ottelander et al. 2021, EMO, for several
        objectives.
    Differs from the paper: a local optimum is left for the next best record instead of a random restart; where a
        walk began is not in the history, and need not be.
    """
    fresh = Fresh(space, history, count)
    finished = parents(history)
    if len(finished) >= max(initial, 1) and count > 0:
        for start in select(finished, min(STARTS, len(finished))):
            near = neighbours(start, space.choices)
            for index in rng.permutation(len(near)):
                if fresh.missing <= 0:
                    return fresh.accepted
                fresh.offer(near[index])
    return fresh.fill(rng)


def neighbours(genes: Sequence[int], choices: Sequence[Choice]) -> list[Genes]:
    """Return all genomes that differ in one gene: by one step where there is order, else by any value."""
    near: list[Genes] = []
    for index, choice in enumerate(choices):
        gene, size = genes[index], len(choice.values)
        values = (gene - 1, gene + 1) if choice.ordered else range(size)
        near += [
            (*genes[:index], value, *genes[index + 1 :]) for value in values if value != gene and 0 <= value < size
        ]
    return near
