"""Regularised evolution: tournaments among the youngest records; whoever is old dies, however good it was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nas.strategies.chronicle import parents
from nas.strategies.deap_tools import select
from nas.strategies.fresh import Fresh
from nas.strategies.mutation import mutated
from nas.strategies.strategy import Genes, GenomeSpace, Observation

TRIES = 20
"""Children made for each one wanted before the rest is drawn at random."""
CALM = 10
"""Refused children in a row after which one more gene is mutated."""


def regularised_evolution(
    space: GenomeSpace,
    history: Sequence[Observation],
    count: int,
    rng: np.random.Generator,
    *,
    population: int = 30,
    sample: int = 10,
) -> list[Genes]:
    """Return mutants of tournament winners among the last `population` finished records; see `Strategy`.

    Until `population` records have finished, genomes are random.

    Args:
        space: the genome's alphabet and what makes genomes equal.
        history: all records so far.
        count: genomes wanted.
        rng: the only randomness.
        population: how many of the youngest finished records live (P).
        sample: how many of them meet in one tournament (S).

    Source: Real, Aggarwal, Huang, Le 2019, AAAI, arXiv:1802.01548, Algorithm 1.
    Differs from the paper: networks already known are never proposed again (the mutation grows stronger instead),
        and with several objectives the tournament is won by dominance, then crowding distance.
    """
    fresh = Fresh(space, history, count)
    living = parents(history)[-population:]
    if len(living) >= population and count > 0:
        ranked = select(living, len(living))  # best first, so a tournament's winner has the least index
        misses = 0
        for _ in range(TRIES * count):
            if fresh.missing <= 0:
                break
            winner = int(rng.choice(len(ranked), size=min(sample, len(ranked)), replace=False).min())
            taken = fresh.offer(mutated(ranked[winner], space.choices, rng, expected=1.0 + misses // CALM))
            misses = 0 if taken else misses + 1
    return fresh.fill(rng)
