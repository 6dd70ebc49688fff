"""NSGA-II by DEAP, in steady state: the parents are the best records there are, whenever a slot is free."""

from __future__ import annotations

import random as global_random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.strategies.fresh import Fresh
from nas.strategies.mutation import mutated
from nas.strategies.strategy import Genes, GenomeSpace, Observation, parents, scaled

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
            _breed(fresh, _select(finished, population), space.choices, rng, crossover)
    return fresh.fill(rng)


@contextmanager
def deap_seeded(rng: np.random.Generator) -> Iterator[None]:
    """Lend DEAP the global generators of `random` and `numpy`, seeded from `rng`; put both back after."""
    python_state, numpy_state = global_random.getstate(), np.random.get_state()  # noqa: NPY002
    global_random.seed(int(rng.integers(2**63)))
    np.random.seed(int(rng.integers(2**32)))  # noqa: NPY002
    try:
        yield
    finally:
        global_random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002


def _select(finished: Sequence[Observation], size: int) -> list[Any]:
    from deap import tools

    values = [scaled(record.values or ()) for record in finished]
    individual = _individual_class(len(values[0]))
    everyone = [individual(record.genes, value) for record, value in zip(finished, values, strict=True)]
    if len(values[0]) > 1:
        return list(tools.selNSGA2(everyone, size, nd="log"))
    best = list(tools.selBest(everyone, size))  # DEAP's fast sorting cannot rank by one objective
    tools.emo.assignCrowdingDist(best)
    return best


def _individual_class(objectives: int) -> type[Any]:
    """Return a list type with a DEAP fitness: made here, as `creator.create` writes into module globals."""
    from deap import base

    class Fitness(base.Fitness):  # type: ignore[misc]
        weights = (1.0, *(-1.0 for _ in range(objectives - 1)))

    class Individual(list[int]):
        def __init__(self, genes: Sequence[int], values: tuple[float, ...]) -> None:
            super().__init__(genes)
            self.fitness = Fitness(values)

    return Individual


def _breed(
    fresh: Fresh, population: list[Any], choices: Sequence[Choice], rng: np.random.Generator, crossover: float
) -> None:
    from deap import base, tools

    toolbox = base.Toolbox()
    toolbox.register("mate", tools.cxUniform, indpb=0.5)
    misses = 0
    for _ in range(TRIES * fresh.missing):
        if fresh.missing <= 0:
            return
        mother, father = map(toolbox.clone, _couple(population))
        child = toolbox.mate(mother, father)[0] if global_random.random() < crossover else mother
        taken = fresh.offer(mutated(child, choices, rng, expected=1.0 + misses // CALM))
        misses = 0 if taken else misses + 1


def _couple(population: list[Any]) -> list[Any]:
    """Return the winners of two binary tournaments by dominance, then crowding distance.

    `selTournamentDCD` wants its number of individuals to be a multiple of four, so it is given four at a
    time; its first two winners then come from disjoint pairs.
    """
    from deap import tools

    draw = global_random.sample if len(population) >= 4 else global_random.choices
    return list(tools.selTournamentDCD(draw(population, k=4), 4)[:2])
