"""Optuna's samplers as pure functions: the history replayed into a study that lives for one call."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.strategies.chronicle import parents
from nas.strategies.fresh import Fresh
from nas.strategies.mutation import mutated
from nas.strategies.strategy import Genes, GenomeSpace, Observation, scaled

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

    from search_spaces import Choice

TRIES = 20
"""Perturbations of a known proposal before it is given up for a random genome."""
KEPT = 8192
"""Trials that are remembered, so that a record becomes a trial once and not at each call."""


class Coding:
    """How genomes are written as parameters: one per gene, ordered genes as integers, others as categories."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        self.choices = choices

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """One distribution over each choice's indices, named by position: choices' names may repeat."""
        from nas.strategies.frozen import Categories, Integers

        return {
            f"{position:04d}": Integers(0, len(choice.values) - 1)
            if choice.ordered
            else Categories(tuple(range(len(choice.values))))
            for position, choice in enumerate(self.choices)
        }

    def encode(self, genes: Genes) -> dict[str, Any]:
        """Return the genome's parameters."""
        return {f"{position:04d}": gene for position, gene in enumerate(genes)}

    def decode(self, params: Mapping[str, Any]) -> list[int]:
        """Return the genome of parameters."""
        return [int(params[f"{position:04d}"]) for position in range(len(self.choices))]


def asked(
    sampler: Callable[[int, list[FrozenTrial]], BaseSampler],
    space: GenomeSpace,
    history: Sequence[Observation],
    count: int,
    rng: np.random.Generator,
    *,
    initial: int,
    coding: Callable[[Sequence[Choice]], Coding] = Coding,
    attributes: Callable[[int], dict[str, Any]] = lambda position: {},
    scalar: bool = False,
    most: int | None = None,
) -> list[Genes]:
    """Return genomes that an Optuna sampler proposes after seeing the history; see `Strategy` for the contract.

    Running records are replayed as running, and so are the earlier proposals of the same call, for samplers that
    heed them. A proposal already known is replaced by a mutation of it. Until `initial` records have finished,
    genomes are random.

    Args:
        sampler: (seed, finished trials) -> a new sampler.
        space: the genome's alphabet and what makes genomes equal.
        history: all records so far.
        count: genomes wanted.
        rng: the only randomness.
        initial: finished records before the sampler is asked.
        coding: how genomes become parameters.
        attributes: system attributes of the finished trial at a position, for samplers that look for them.
        most: proposals of the sampler in one call, the others are mutations of these; None for no limit.
        scalar: one objective, the rank by dominance and crowding, for samplers that know one only.
    """
    fresh = Fresh(space, history, count)
    finished = parents(history)
    if len(finished) >= max(initial, 1) and count > 0:
        running = [record for record in history if record.state == "running"]
        code = _coding(coding, tuple(space.choices))
        values = _ranks(finished) if scalar else [scaled(record.values or ()) for record in finished]
        with _quiet():
            trials = [
                _trial(code, tuple(record.genes), value, tuple(attributes(position).items()))
                for position, (record, value) in enumerate(zip(finished, values, strict=True))
            ]
            study = _study(sampler(int(rng.integers(2**31)), trials), len(values[0]))
            study.add_trials([*trials, *(_trial(code, tuple(record.genes), None, ()) for record in running)])
            _ask(study, code, fresh, rng, count if most is None else most)
    return fresh.fill(rng)


def _ask(study: Study, code: Coding, fresh: Fresh, rng: np.random.Generator, most: int) -> None:
    asked: list[list[int]] = []
    for turn in range(fresh.missing):
        if turn < most:
            asked.append(code.decode(study.ask(code.distributions).params))
        genes, tries = asked[turn % most], turn // most
        while tries <= TRIES and not fresh.offer(mutated(genes, code.choices, rng, expected=tries) if tries else genes):
            tries += 1


def _study(sampler: BaseSampler, objectives: int) -> Study:
    import optuna

    maximize, minimize = optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE
    return optuna.create_study(directions=[maximize, *[minimize] * (objectives - 1)], sampler=sampler)


@lru_cache(maxsize=8)
def _coding(coding: Callable[[Sequence[Choice]], Coding], choices: tuple[Choice, ...]) -> Coding:
    return coding(choices)


@lru_cache(maxsize=KEPT)
def _trial(
    code: Coding, genes: Genes, values: tuple[float, ...] | None, attributes: tuple[tuple[str, Any], ...]
) -> FrozenTrial:
    from nas.strategies.frozen import trial

    return trial(code.encode(genes), code.distributions, values, dict(attributes))


def _ranks(finished: Sequence[Observation]) -> list[tuple[float]]:
    """Return one value to maximise for each record: the accuracy if it is alone, else minus the rank by dominance."""
    values = [record.values or () for record in finished]
    if len(values[0]) == 1:
        return [(float(accuracy),) for (accuracy,) in values]
    from nas.strategies.deap_tools import select

    order = [tuple(individual.fitness.values) for individual in select(finished, len(finished))]
    rank = {value: position for position, value in reversed(list(enumerate(order)))}
    return [(-float(rank[scaled(value)]),) for value in values]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Optuna's notes on the one-call study and its experimental options; put its level back."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
