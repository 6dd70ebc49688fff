"""DEAP's (mu + lambda) genetic algorithm, generation by generation."""

from __future__ import annotations

import random as global_random
from collections.abc import Sequence

import numpy as np

from nas.strategies.chronicle import parents
from nas.strategies.deap_tools import deap_seeded, mated, select
from nas.strategies.fresh import Fresh
from nas.strategies.mutation import mutated
from nas.strategies.strategy import Genes, GenomeSpace, Observation

TRIES = 20
"""Children made for each one wanted before the rest is drawn at random."""
CALM = 10
"""Refused children in a row after which one more gene is mutated."""


def genetic(
    space: GenomeSpace,
    history: Sequence[Observation],
    count: int,
    rng: np.random.Generator,
    *,
    mu: int = 20,
    offspring: int = 20,
    crossover: float = 0.5,
) -> list[Genes]:
    """Return children of the best `mu` records of all finished generations; see `Strategy` for the contract.

    The first `mu` records are generation 0, the next `offspring` generation 1, and so on, counted by finished
    records: a generation's parents are those of the records that had finished when it began.

    Args:
        space: the genome's alphabet and what makes genomes equal.
        history: all records so far.
        count: genomes wanted.
        rng: the only randomness; DEAP's global generators are seeded from it and put back.
        mu: survivors of a generation.
        offspring: children of a generation (lambda).
        crossover: probability that a child has two parents; it has one and is mutated otherwise.

    Source: DEAP's `eaMuPlusLambda` with `varOr` and `selBest` (`selNSGA2` for several objectives); Beyer and
        Schwefel 2002, Natural Computing 1, for (mu + lambda).
    Differs from the source: networks already known are mutated instead of proposed again. As the history keeps
        everything, survivors of survivors are the best of all generations, which is what truncation gives.
    """
    fresh = Fresh(space, history, count)
    finished = parents(history)
    if len(finished) >= mu and count > 0:
        complete = mu + (len(finished) - mu) // offspring * offspring
        with deap_seeded(rng):
            population = select(finished, mu, first=complete)
            misses = 0
            for _ in range(TRIES * count):
                if fresh.missing <= 0:
                    break
                mother, father = global_random.sample(population, 2) if len(population) > 1 else population * 2
                child = mated(mother, father) if global_random.random() < crossover and misses == 0 else None
                taken = fresh.offer(child or mutated(mother, space.choices, rng, expected=1.0 + misses // CALM))
                misses = 0 if taken else misses + 1
    return fresh.fill(rng)
