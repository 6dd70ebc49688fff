"""What a strategy is, and what it sees: the genome's alphabet and the records; no networks, no tasks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from search_spaces import Choice

Genes: TypeAlias = tuple[int, ...]


class GenomeSpace(Protocol):
    """The part of a candidate space that strategies use (see nas/genomes.py for the real one)."""

    @property
    def choices(self) -> tuple[Choice, ...]:
        """One alphabet for each gene."""

    def canonical(self, genes: Genes) -> Genes:
        """Return the representative of all genomes that stand for the same network."""

    def digest(self, genes: Genes) -> str:
        """Return a name that equal networks share and different ones do not."""

    def random(self, rng: np.random.Generator) -> Genes:
        """Return a genome drawn uniformly."""

    def feasible(self, genes: Genes) -> bool:
        """Return whether the network is worth building."""


class Observation(Protocol):
    """The part of a record that strategies use (see nas/records/record.py)."""

    @property
    def genes(self) -> Genes:
        """What was proposed."""

    @property
    def digest(self) -> str:
        """The genome's digest."""

    @property
    def state(self) -> str:
        """One of "running", "finished", "failed"."""

    @property
    def values(self) -> tuple[float, ...] | None:
        """Objectives of a finished trial: accuracy (maximised), then costs (minimised)."""


Strategy: TypeAlias = "Callable[[GenomeSpace, Sequence[Observation], int, np.random.Generator], list[Genes]]"
"""(space, history, count, rng) -> at most `count` new genomes.

Pure: the same history and the same state of `rng` give the same genomes, inputs and global random states stay
as they were. Every genome is canonical and feasible, and its digest is neither in the history (finished,
running or failed) nor twice in the list. The list is shorter than `count` only when no further genome was
found.
"""


def is_parent(record: Observation) -> bool:
    """Return whether the record may steer a search: finished, with finite values."""
    return record.state == "finished" and record.values is not None and all(map(math.isfinite, record.values))


def scaled(values: Sequence[float]) -> tuple[float, ...]:
    """Return objective values on the scales on which distances between networks mean something.

    The first (accuracy, maximised) stays; the others (weights, multiply-adds: minimised) become asinh(v),
    which is log(2v) for large counts. Dominance does not change, since asinh rises; crowding distances and
    hypervolumes then treat a halving alike at every size, as the density genes do.
    """
    accuracy, *costs = values
    return (float(accuracy), *(math.asinh(cost) for cost in costs))
