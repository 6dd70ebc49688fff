"""The sparsity half of a candidate: which weights to keep, as a small value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from pruning.allocations import ALLOCATIONS
from pruning.errors import PruningError
from pruning.methods import METHODS
from pruning.naming import unknown
from pruning.schedules import SCHEDULES

_WIDEST = 1e9

SAMPLINGS = ("bernoulli", "exact")

ENDS = ("all_dense", "first_dense", "last_dense", "pruned")

_ALWAYS = ("method", "density", "allocation", "rounds", "multipliers")


@dataclass(frozen=True)
class Sparsity:
    """How to choose a mask.

    Attributes:
        method: name in `METHODS`.
        density: kept fraction of all prunable weights that are not excluded, in (0, 1].
        allocation: name in `ALLOCATIONS`: "global" ranks across layers, the others fix each layer's count.
        rounds: number of times the method scores what is left, >= 1.
        multipliers: (glob over parameter names, factor on that group's density); the total stays as asked, so
            only the factors' ratios count.
        schedule: name in `SCHEDULES`: how the count falls from round to round.
        include: globs over parameter names; only what matches one is pruned. Empty: everything.
        exclude: globs over parameter names; what matches one is not pruned, even if included. A layer that is
            not pruned stays dense, and its weights count neither as kept nor in the total of the density.
        ends: what becomes of the first and the last layer, in the order of `prunable(module)`: "pruned" like any
            other layer (the default, as in SNIP, SynFlow and PHEW), "first_dense", "last_dense" or "all_dense":
            excluded, as in RigL and much of the dynamic sparse training literature. The allocation "uniform_plus"
            is a third policy: there both are in the total, the first is dense and the last keeps a fifth.
        densities: (glob over parameter names, density of each layer it matches, in (0, 1]). The other layers share
            what is left of the total; if there are none, the layers' counts must add up to the total.
        like: the sparsity whose mask says how many weights each layer keeps, in proportion; for example SynFlow's
            for a random mask with SynFlow's densities. In place of an allocation.
        sampling: "exact" counts, or "bernoulli": each weight of a random mask is kept independently with the
            probability (exact count of its layer) / size, so that the count is right on average only. The layers'
            densities are then the allocation's, with "global" those of "uniform".
        allow_empty: whether a ranking across layers or the dice may leave a layer without weights. If not, a layer
            keeps its best weight. Counts that are fixed beforehand are never zero.

    Raises:
        PruningError: a value breaks its rule, or a name is unknown.
    """

    method: str
    density: float
    allocation: str = "global"
    rounds: int = 1
    multipliers: tuple[tuple[str, float], ...] = ()
    schedule: str = "exponential"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ends: str = "pruned"
    densities: tuple[tuple[str, float], ...] = ()
    like: Sparsity | None = None
    sampling: str = "exact"
    allow_empty: bool = False

    def __post_init__(self) -> None:
        self._adopt_json()
        self._check_names()
        _check_density(self.density, "sparsity.density")
        if isinstance(self.rounds, bool) or not isinstance(self.rounds, int) or self.rounds < 1:
            raise PruningError(
                f"rounds must be a whole number >= 1; got {self.rounds!r} (sparsity.rounds). Use 1 for one shot."
            )
        for glob, factor in self.multipliers:
            if not (math.isfinite(factor) and 1 / _WIDEST <= factor <= _WIDEST):
                raise PruningError(
                    f"a multiplier must be positive, in {1 / _WIDEST:g}..{_WIDEST:g}; got {factor} for '{glob}' "
                    f"(sparsity.multipliers). Only ratios between multipliers matter."
                )
        for glob, density in self.densities:
            _check_density(density, f"'{glob}' in sparsity.densities")
        self._check_combinations()

    def settings(self) -> dict[str, Any]:
        """Return the fields as JSON-able data that the constructor takes back; later ones only if not default."""
        return {
            field.name: _plain(getattr(self, field.name))
            for field in fields(self)
            if field.name in _ALWAYS or getattr(self, field.name) != field.default
        }

    def _adopt_json(self) -> None:
        """Turn lists and objects read from JSON into hashable values."""
        for name in ("multipliers", "densities"):
            object.__setattr__(self, name, tuple((str(glob), float(value)) for glob, value in getattr(self, name)))
        for name in ("include", "exclude"):
            object.__setattr__(self, name, _globs(getattr(self, name), name))
        like: object = self.like
        if isinstance(like, Mapping):
            object.__setattr__(self, "like", Sparsity(**like))

    def _check_names(self) -> None:
        for kind, name, known in (
            ("pruning method", self.method, METHODS),
            ("allocation", self.allocation, ALLOCATIONS),
            ("schedule", self.schedule, SCHEDULES),
            ("sampling", self.sampling, SAMPLINGS),
            ("policy of first and last layer", self.ends, ENDS),
        ):
            if name not in known:
                raise PruningError(unknown(kind, name, known))

    def _check_combinations(self) -> None:
        if self.sampling == "bernoulli" and (self.method != "random" or self.rounds != 1):
            raise PruningError(
                f"Bernoulli sampling must be of method 'random' in one round; got '{self.method}' in {self.rounds} "
                f"(sparsity.sampling). A ranking has exact counts."
            )
        if self.like is not None and self.allocation != "global":
            raise PruningError(
                f"layers must have their counts from one source; got allocation '{self.allocation}' and the mask of "
                f"'{self.like.method}' (sparsity.like). Leave the allocation at 'global'."
            )


def _check_density(density: float, where: str) -> None:
    if not 0 < density <= 1:  # False for NaN too
        raise PruningError(f"density must be in (0, 1]; got {density} ({where}). Give the fraction of weights to keep.")


def _globs(globs: Iterable[str], name: str) -> tuple[str, ...]:
    if isinstance(globs, str):
        raise PruningError(f"{name} must be a list of globs; got the text '{globs}' (sparsity.{name}). Put it in one.")
    return tuple(str(glob) for glob in globs)


def _plain(value: Any) -> Any:
    if isinstance(value, Sparsity):
        return value.settings()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
