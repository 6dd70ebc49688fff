"""CMA-ES over a continuous relaxation of the genome, its distribution fitted to the best of the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.strategies.replay import Coding, asked
from nas.strategies.strategy import Genes, GenomeSpace, Observation

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial


def cma_es(
    space: GenomeSpace,
    history: Sequence[Observation],
    count: int,
    rng: np.random.Generator,
    *,
    initial: int = 16,
) -> list[Genes]:
    """Return genomes drawn from the normal distribution that the best finished records promise; see `Strategy`.

    Ordered genes are numbers; a gene without order is one number for each value, of which the largest wins. The mean
    and covariance are those of Optuna's warm-started CMA-ES with the finished records as its source, so no state of
    an optimiser is carried along. With several objectives records are ranked by dominance, then crowding distance.

    Source: Hansen 2016, arXiv:1604.00772; warm start: Nomura et al. 2021, AAAI, arXiv:2012.06932.
    Differs from the paper: the warm start is repeated at each call, in place of the updates of one run, which need
        generations; known networks are mutated.
    """
    return asked(_sampler, space, history, count, rng, initial=initial, coding=_Relaxed, scalar=True)


class _Relaxed(Coding):
    """A gene without order as one number in [0, 1] for each of its values."""

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        from nas.strategies.frozen import Integers, Numbers

        found: dict[str, BaseDistribution] = {}
        for position, choice in enumerate(self.choices):
            if choice.ordered:
                found[f"{position:04d}"] = Integers(0, len(choice.values) - 1)
            else:
                found |= {f"{position:04d}.{value}": Numbers(0.0, 1.0) for value in range(len(choice.values))}
        return found

    def encode(self, genes: Genes) -> dict[str, Any]:
        params: dict[str, Any] = {}
        for position, (choice, gene) in enumerate(zip(self.choices, genes, strict=True)):
            if choice.ordered:
                params[f"{position:04d}"] = gene
            else:
                params |= {f"{position:04d}.{value}": float(value == gene) for value in range(len(choice.values))}
        return params

    def decode(self, params: Mapping[str, Any]) -> list[int]:
        genes = []
        for position, choice in enumerate(self.choices):
            if choice.ordered:
                genes.append(int(params[f"{position:04d}"]))
            else:
                genes.append(int(np.argmax([params[f"{position:04d}.{value}"] for value in range(len(choice.values))])))
        return genes


def _sampler(seed: int, finished: list[FrozenTrial]) -> BaseSampler:
    import optuna

    return optuna.samplers.CmaEsSampler(
        seed=seed, n_startup_trials=1, source_trials=finished, warn_independent_sampling=False
    )
