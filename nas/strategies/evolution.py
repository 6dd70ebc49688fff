"""NSGA-II by DEAP, in steady state: the parents are the best records there are, whenever a slot is free."""

from __future__ import annotations

import random as global_random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.strategies.chronicle import parents
from nas.strategies.deap_tools import couple, deap_seeded, mated, select
from nas.strategies.fresh import Fresh
from nas.strategies.mutation import mutated
from nas.strategies.strategy import Genes, GenomeSpace, Observation

if TYPE_CHECKING:
    from search_spaces import Choice

TRIES = 20
"""Children made for each one wanted before the rest is drawn at random."""
CALM = 10
"""Refused children in a row after which one more gene is mutated: the near neighbourhood is known by then."""


def evolution(
    space: GenomeSpace,
    history: Sequence[Observation],
    count: int,
    rng: np.random.Generator,
    *,
    population: int = 12,
    initial: int = 16,
    crossover: float = 0.5,
) -> list[Genes]:
    """Return children of the non-dominated best of the history; see `Strategy` for the contract.

    Selection, tournament and crossover are DEAP's. Until `initial` records have finished, genomes are random.
    Failed and running records are no parents; a child already known is made again, mutated more strongly.

    Args:
        space: the genome's alphabet and what makes genomes equal.
        history: all records so far; values are (accuracy maximised, the rest minimised).
        count: genomes wanted.
        rng: the only randomness; DEAP's global generators are seeded from it and put back.
        population: how many of the best finished records may be parents (mu).
        initial: finished records before the first child.
        crossover: probability that a child has two parents.

    Source: Deb et al. 2002, IEEE TEC 6(2), section III (fast sorting, crowding distance, tournament); steady
        state as in Durillo et al. 2009, EMO, "On the effect of the steady-state selection scheme".
    Differs from the paper: the parents are selected from the whole history instead of the last generation,
        which is the same elitism without a barrier, and costs are compared for crowding on a logarithmic
        scale.
    """
    fresh = Fresh(space, history, count)
    finished = parents(history)
    if len(finished) >= max(initial, 1):
        with deap_seeded(rng):
            _breed(fresh, select(finished, population), space.choices, rng, crossover)
    return fresh.fill(rng)


def _breed(
    fresh: Fresh, population: list[Any], choices: Sequence[Choice], rng: np.random.Generator, crossover: float
) -> None:
    misses = 0
    for _ in range(TRIES * fresh.missing):
        if fresh.missing <= 0:
            return
        mother, father = couple(population)
        child = mated(mother, father) if global_random.random() < crossover else mother
        taken = fresh.offer(mutated(child, choices, rng, expected=1.0 + misses // CALM))
        misses = 0 if taken else misses + 1
