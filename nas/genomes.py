"""The genome of a candidate: the architecture's genes and then the sparsity pattern's, each a choice index.

Mutation, crossover, hashing and Optuna's distributions are written once over `CandidateSpace.choices`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeAlias

import numpy as np

from nas.candidates import Candidate, to_json
from nas.errors import NasError
from nas.narrowing import Only, narrowing
from nas.seeds import derive
from predictors import multiply_adds
from pruning import ALLOCATIONS, METHODS, Sparsity
from pruning.dynamic import FROM_MASK, STATIC, TRAININGS
from pruning.methods import CHOSEN
from pruning.naming import unknown
from pruning.parameters import existing
from search_spaces import Architecture, Choice, SearchSpace, Signature

Genes: TypeAlias = tuple[int, ...]

POINTS_PER_DECADE = 20
ROUNDS = dict.fromkeys(("force", "synflow", "synflow_l2", "synflow_l2_gebhart", "synflow_l2_phew"), 10)
MULTIPLIERS = (0.25, 0.5, 1.0, 2.0, 4.0)
NEUTRAL = MULTIPLIERS.index(1.0)


def density_grid(low: float, high: float) -> tuple[float, ...]:
    """Return densities from `low` to `high`, evenly spaced in the logarithm, 20 a decade, both ends included.

    Raises:
        NasError: not 0 < low <= high <= 1.
    """
    if not 0.0 < low <= high <= 1.0:
        raise NasError(f"densities must satisfy 0 < min <= max <= 1; got min {low}, max {high}. Change the bounds.")
    count = max(1, round(POINTS_PER_DECADE * float(np.log10(high / low))) + 1) if low < high else 1
    return tuple(float(f"{value:.6g}") for value in np.geomspace(low, high, max(count, 2 if low < high else 1)))


@dataclass(frozen=True)
class SparsityChoices:
    """The sparsity half of a genome: which methods, allocations, densities and trainings a search may propose."""

    methods: tuple[str, ...] = ("random", "magnitude", "snip", "synflow")
    allocations: tuple[str, ...] = ("erk", "uniform", "global")
    densities: tuple[float, ...] = density_grid(0.01, 1.0)
    trainings: tuple[str, ...] = (STATIC,)

    def __post_init__(self) -> None:
        for kind, names, family in (
            ("pruning method", self.methods, METHODS),
            ("allocation", self.allocations, {*ALLOCATIONS, "global"}),
            ("training", self.trainings, TRAININGS),
        ):
            if not names:
                raise NasError(f"a search needs at least one {kind}; got none. Known: {sorted(family)}.")
            for name in names:
                if name not in family:
                    raise NasError(unknown(kind, name, family))


class CandidateSpace:
    """Every candidate a search may propose: `space` x sparsity choices, for one task's signature.

    Args:
        space: the architectures.
        sparsity: the sparsity half.
        signature: what the networks must accept and return.
        seed: the study's seed; a candidate's own seed is a function of it and of the candidate's digest, so that
            equal candidates have equal lives, in whatever order a search finds them.
        max_multiply_adds: upper bound on the *dense* network's multiply-adds per sample, the cost of training it.
        only: glob over the architecture's choices -> the values to propose; the rest of the space is left out.

    Raises:
        NasError: `only` names no choice, or a value that its choice does not have.
    """

    def __init__(
        self,
        space: SearchSpace,
        sparsity: SparsityChoices,
        signature: Signature,
        *,
        seed: int = 0,
        max_multiply_adds: int | None = None,
        only: Only | None = None,
    ) -> None:
        self.space = space
        self.sparsity = sparsity
        self.signature = signature
        self.seed = seed
        self.max_multiply_adds = max_multiply_adds
        self._narrowing = narrowing(space.choices, only or {})
        self._cost = lru_cache(maxsize=65536)(self._measure)

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """The genome's alphabet: architecture, method, allocation, density, training, a multiplier for each stage.

        Only the ratios of multipliers matter, so a space of one stage has none; masks that may only stay as they are
        need no gene for it.
        """
        stages = self.space.stages if self.space.stages > 1 else 0
        trainings = () if self._is_static else (Choice("training", self.sparsity.trainings),)
        return (
            *self._narrowing.choices,
            Choice("method", self.sparsity.methods),
            Choice("allocation", self.sparsity.allocations),
            Choice("density", self.sparsity.densities, ordered=True),
            *trainings,
            *(Choice(f"multiplier_{i + 1}", MULTIPLIERS, ordered=True) for i in range(stages)),
        )

    @property
    def _is_static(self) -> bool:
        return self.sparsity.trainings == (STATIC,)

    @property
    def _plainest(self) -> int:
        """The training of dense candidates, for which there is nothing to choose."""
        return self.sparsity.trainings.index(STATIC) if STATIC in self.sparsity.trainings else 0

    def _split(self, genes: Genes) -> tuple[Architecture, Genes, int, Genes]:
        """Return the architecture, the genes of method, allocation and density, of training, and the multipliers'."""
        cut = len(self.space.choices)
        written = Architecture(self.space.name, self._narrowing.widen(genes[:cut]))
        pattern, rest = tuple(genes[cut : cut + 3]), genes[cut + 3 :]
        if self._is_static:
            return self.space.canonical(written), pattern, 0, rest
        return self.space.canonical(written), pattern, rest[0], rest[1:]

    def canonical(self, genes: Genes) -> Genes:
        """Return the representative of all genomes that give the same masked network."""
        architecture, (method, allocation, density), training, multipliers = self._split(genes)
        live = len(self.space.stage_patterns(architecture))
        if self.sparsity.densities[density] == 1.0:
            method, allocation, training, live = 0, 0, self._plainest, 0
        elif self.sparsity.methods[method] in CHOSEN:  # it chooses whole paths: no allocation, no multipliers
            allocation, live = 0, 0
        elif self.sparsity.trainings[training] not in FROM_MASK and self.sparsity.allocations[allocation] != "global":
            method = next(i for i, name in enumerate(self.sparsity.methods) if name not in CHOSEN)  # counts alone tell
        pattern = (*_recentre(multipliers[:live]), *(NEUTRAL for _ in multipliers[live:]))
        moves = () if self._is_static else (training,)
        return (*self._narrowing.narrow(architecture.genes), method, allocation, density, *moves, *pattern)

    def decode(self, genes: Genes) -> Candidate:
        """Return the candidate that a genome stands for (of its canonical form)."""
        genes = self.canonical(genes)
        return self._candidate(genes, derive(self.seed, self.digest(genes)))

    def _candidate(self, genes: Genes, seed: int) -> Candidate:
        architecture, (method, allocation, density), training, multipliers = self._split(genes)
        patterns = self.space.stage_patterns(architecture)
        factors = tuple(
            (glob, MULTIPLIERS[m]) for glob, m in zip(patterns, multipliers, strict=False) if len(set(multipliers)) > 1
        )
        name = self.sparsity.methods[method]
        sparsity = Sparsity(
            method=name,
            density=self.sparsity.densities[density],
            allocation="global" if name in CHOSEN else self.sparsity.allocations[allocation],
            rounds=ROUNDS.get(name, 1),
            multipliers=factors,
        )
        return Candidate(architecture, sparsity, seed, self.sparsity.trainings[training])

    def digest(self, genes: Genes) -> str:
        """Return 16 hexadecimal digits that equal networks share and different ones do not."""
        data = to_json(self._candidate(self.canonical(genes), 0))
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]

    def random(self, rng: np.random.Generator) -> Genes:
        """Return a canonical genome with every gene drawn uniformly (so the density is log-uniform)."""
        return self.canonical(tuple(int(rng.integers(len(choice.values))) for choice in self.choices))

    def feasible(self, genes: Genes) -> bool:
        """Return whether the network is within the cost bound and can keep a weight in every layer."""
        architecture, (_, _, density), _, _ = self._split(self.canonical(genes))
        cost, total, layers = self._cost(architecture)
        within = self.max_multiply_adds is None or cost <= self.max_multiply_adds
        return within and round(self.sparsity.densities[density] * total) >= layers

    def _measure(self, architecture: Architecture) -> tuple[int, int, int]:
        module = self.space.skeleton(architecture, self.signature)
        weights = existing(module)
        return multiply_adds(module, self.signature.input_shape), sum(weights.values()), len(weights)


def _recentre(multipliers: Sequence[int]) -> Genes:
    """Shift multiplier indices to the representative of their common factor: product nearest to one, then smaller.

    Only the ratios of a pattern matter (the total is fixed by the density), so patterns that differ by one
    constant factor are the same mask.
    """
    if not multipliers:
        return ()
    shifts = range(-min(multipliers), len(MULTIPLIERS) - max(multipliers))
    best = min(shifts, key=lambda s: (abs(sum(m + s - NEUTRAL for m in multipliers)), s))
    return tuple(m + best for m in multipliers)
