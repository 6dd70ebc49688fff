"""Optuna's tree-structured Parzen estimator, replaying the history into a study that lives for one call."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.strategies.fresh import Fresh
from nas.strategies.mutation import mutated
from nas.strategies.strategy import Genes, GenomeSpace, Observation, parents, scaled

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

    from search_spaces import Choice

TRIES = 20
"""Perturbations of a known proposal before it is given up for a random genome."""


def tpe(
    space: GenomeSpace,
    history: Sequence[Observation],
    count: int,
    rng: np.random.Generator,
    *,
    initial: int = 16,
) -> list[Genes]:
    """Return genomes proposed by multivariate (and multi-objective) TPE; see `Strategy` for the contract.

    Running records count as bad ones (constant liar), so that proposals made in parallel spread out; so do
    the earlier proposals of the same call. Until `initial` records have finished, genomes are random. TPE
    does repeat
    itself: a proposal already known is replaced by a mutation of it.

    Source: Bergstra et al. 2011, NeurIPS; multivariate: Falkner et al. 2018, arXiv:1807.01774; multi-
        objective: Ozaki et al. 2022, JAIR 73.
    """
    fresh = Fresh(space, history, count)
    finished = parents(history)
    if len(finished) >= max(initial, 1) and count > 0:
        running = [record for record in history if record.state == "running"]
        with _quiet():
            _ask(_replay(finished, running, space.choices, rng), fresh, space.choices, rng)
    return fresh.fill(rng)


def _ask(study: Study, fresh: Fresh, choices: Sequence[Choice], rng: np.random.Generator) -> None:
    distributions = _distributions(choices)
    for _ in range(fresh.missing):
        params = study.ask(distributions).params
        genes = [int(params[name]) for name in distributions]
        tries = 0
        while not fresh.offer(genes if tries == 0 else mutated(genes, choices, rng, expected=tries)) and tries < TRIES:
            tries += 1


def _replay(
    finished: Sequence[Observation],
    running: Sequence[Observation],
    choices: Sequence[Choice],
    rng: np.random.Generator,
) -> Study:
    import optuna

    sampler = optuna.samplers.TPESampler(
        multivariate=True, constant_liar=True, n_startup_trials=1, seed=int(rng.integers(2**32))
    )
    values = [scaled(record.values or ()) for record in finished]
    maximize, minimize = optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE
    directions = [maximize, *(minimize for _ in values[0][1:])]
    study = optuna.create_study(directions=directions, sampler=sampler)
    distributions = _distributions(choices)
    study.add_trials(
        [_trial(record, distributions, value) for record, value in zip(finished, values, strict=True)]
        + [_trial(record, distributions, None) for record in running]
    )
    return study


def _trial(
    record: Observation, distributions: dict[str, BaseDistribution], values: tuple[float, ...] | None
) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    state = TrialState.RUNNING if values is None else TrialState.COMPLETE
    params: dict[str, Any] = dict(zip(distributions, record.genes, strict=True))
    return create_trial(state=state, values=values, params=params, distributions=distributions)


def _distributions(choices: Sequence[Choice]) -> dict[str, BaseDistribution]:
    """Return one distribution over each choice's indices, named by position: choices' names may repeat."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    return {
        f"{position:04d}": IntDistribution(0, len(choice.values) - 1)
        if choice.ordered
        else CategoricalDistribution(tuple(range(len(choice.values))))
        for position, choice in enumerate(choices)
    }


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
