"""Optuna's tree-structured Parzen estimator, replaying the history into a study that lives for one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nas.strategies.replay import asked
from nas.strategies.strategy import Genes, GenomeSpace, Observation

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial


def tpe(
    space: GenomeSpace,
    history: Sequence[Observation],
    count: int,
    rng: np.random.Generator,
    *,
    initial: int = 16,
) -> list[Genes]:
    """Return genomes proposed by multivariate (and multi-objective) TPE; see `Strategy` for the contract.

    Running records count as bad ones (constant liar), so that proposals made in parallel spread out; so do the
    earlier proposals of the same call. Until `initial` records have finished, genomes are random.

    Source: Bergstra et al. 2011, NeurIPS; multivariate: Falkner et al. 2018, arXiv:1807.01774; multi-objective:
        Ozaki et al. 2022, JAIR 73.
    """
    return asked(_sampler, space, history, count, rng, initial=initial)


def _sampler(seed: int, finished: list[FrozenTrial]) -> BaseSampler:
    import optuna

    return optuna.samplers.TPESampler(multivariate=True, constant_liar=True, n_startup_trials=1, seed=seed)
