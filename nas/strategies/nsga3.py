"""Optuna's NSGA-III, its generations read off the order of the history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nas.strategies.replay import asked
from nas.strategies.strategy import Genes, GenomeSpace, Observation

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

POPULATION = 16
GENERATION = "NSGAIIISampler:generation"
"""Where Optuna's sampler looks for a trial's generation."""


def nsga3(
    space: GenomeSpace,
    history: Sequence[Observation],
    count: int,
    rng: np.random.Generator,
    *,
    initial: int = 16,
) -> list[Genes]:
    """Return children by NSGA-III, spread along reference directions of the front; see `Strategy` for the contract.

    Every `POPULATION` finished records are one generation. Until `initial` have finished, genomes are random.

    Source: Deb and Jain 2014, IEEE TEC 18(4), "NSGA-III"; Optuna's NSGAIIISampler.
    Differs from the paper: one generation in size is the least that has parents, and known networks are mutated.
    """
    return asked(
        _sampler,
        space,
        history,
        count,
        rng,
        initial=max(initial, POPULATION),
        attributes=lambda position: {GENERATION: position // POPULATION},
    )


def _sampler(seed: int, finished: list[FrozenTrial]) -> BaseSampler:
    import optuna

    return optuna.samplers.NSGAIIISampler(population_size=POPULATION, seed=seed)
