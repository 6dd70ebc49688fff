"""Random search without repetition: the baseline that every other strategy must beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nas.strategies.fresh import Fresh
from nas.strategies.strategy import Genes, GenomeSpace, Observation


def random(space: GenomeSpace, history: Sequence[Observation], count: int, rng: np.random.Generator) -> list[Genes]:
    """Return new genomes drawn uniformly; see `Strategy` for the contract.

    Source: Bergstra and Bengio 2012, JMLR 13; as a baseline for architectures, Li and Talwalkar 2019,
        arXiv:1902.07638.
    """
    return Fresh(space, history, count).fill(rng)
