"""Optuna's Gaussian-process sampler over the genes, replaying the history into a study that lives for one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nas.strategies.replay import asked
from nas.strategies.strategy import Genes, GenomeSpace, Observation

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

MOST = 2
"""Proposals of one call that the process is asked for, at about half a second each; the others are their mutants."""


def gp(
    space: GenomeSpace,
    history: Sequence[Observation],
    count: int,
    rng: np.random.Generator,
    *,
    initial: int = 16,
) -> list[Genes]:
    """Return genomes of greatest expected improvement under a Matérn process of the genes; see `Strategy`.

    With several objectives it is the expected improvement of the hypervolume. Running records and earlier proposals of
    the same call count as pending. Until `initial` records have finished, genomes are random. Unlike guidance, which
    reads the structure of networks, this process sees genes only. Cubic in the number of records.

    Source: Optuna's GPSampler; Rasmussen and Williams 2006, chapter 2; Daulton et al. 2020, NeurIPS,
        arXiv:2006.05078, for several objectives.
    """
    return asked(_sampler, space, history, count, rng, initial=initial, most=MOST)


def _sampler(seed: int, finished: list[FrozenTrial]) -> BaseSampler:
    import optuna

    return optuna.samplers.GPSampler(seed=seed, n_startup_trials=1, warn_independent_sampling=False)
