"""DEAP behind one door: its selection by dominance, its couples, and its global generators lent and put back."""

from __future__ import annotations

import random as global_random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from nas.hypervolume import on_front
from nas.strategies.chronicle import Ranked
from nas.strategies.strategy import Observation, scaled


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


def select(finished: Sequence[Observation], size: int, *, first: int | None = None) -> list[Any]:
    """Return the best `size` records as DEAP individuals: whole non-dominated fronts first, then by crowding.

    With one objective: the best first. Of a long history only the fronts that are needed are handed to DEAP. `first`
    leaves out all but so many records, from the start.
    """
    from deap import tools

    if isinstance(finished, Ranked):
        finished = finished.leading(size, first)
    elif size < len(finished := finished[:first]):
        finished = [finished[index] for index in _needed(finished, size)]
    values = [scaled(record.values or ()) for record in finished]
    individual = _individual_class(len(values[0]))
    everyone = [individual(record.genes, value) for record, value in zip(finished, values, strict=True)]
    if len(values[0]) > 1:
        return list(tools.selNSGA2(everyone, size, nd="log"))
    best = list(tools.selBest(everyone, size))  # DEAP's fast sorting cannot rank by one objective
    tools.emo.assignCrowdingDist(best)
    return best


def _needed(finished: Sequence[Observation], size: int) -> list[int]:
    """Return the indices of the records in the first whole fronts that hold at least `size` (or the best)."""
    points = np.array([record.values for record in finished])
    points[:, 1:] *= -1.0
    if points.shape[1] == 1:
        return sorted(np.argsort(-points[:, 0], kind="stable")[:size].tolist())
    left, chosen = np.arange(len(points)), np.empty(0, dtype=np.int64)
    while len(chosen) < size:
        front = on_front(points[left])
        chosen, left = np.concatenate([chosen, left[front]]), left[~front]
    return sorted(chosen.tolist())


def couple(population: list[Any]) -> list[Any]:
    """Return the winners of two binary tournaments by dominance, then crowding distance.

    `selTournamentDCD` wants its number of individuals to be a multiple of four, so it is given four at a
    time; its first two winners then come from disjoint pairs.
    """
    from deap import tools

    draw = global_random.sample if len(population) >= 4 else global_random.choices
    return list(tools.selTournamentDCD(draw(population, k=4), 4)[:2])


def mated(mother: Sequence[int], father: Sequence[int]) -> list[int]:
    """Return a new genome that takes each gene from either parent with equal probability (`cxUniform`)."""
    from deap import tools

    return list(tools.cxUniform(list(mother), list(father), indpb=0.5)[0])


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
