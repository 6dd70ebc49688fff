"""The sparsity half of a candidate: which weights to keep, as a small value."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pruning.allocations import ALLOCATIONS
from pruning.errors import PruningError
from pruning.methods import METHODS
from pruning.naming import unknown

_WIDEST = 1e9


@dataclass(frozen=True)
class Sparsity:
    """How to choose a mask.

    Attributes:
        method: name in `METHODS`.
        density: kept fraction of all prunable weights, in (0, 1].
        allocation: name in `ALLOCATIONS`: "global" ranks across layers, the others fix each layer's count.
        rounds: number of times the method scores what is left, >= 1.
        multipliers: (glob over parameter names, factor on that group's density); the total stays as asked, so
            only the factors' ratios count.

    Raises:
        PruningError: a value breaks its rule, or a name is unknown.
    """

    method: str
    density: float
    allocation: str = "global"
    rounds: int = 1
    multipliers: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise PruningError(unknown("pruning method", self.method, METHODS))
        if self.allocation not in ALLOCATIONS:
            raise PruningError(unknown("allocation", self.allocation, ALLOCATIONS))
        if not 0 < self.density <= 1:  # False for NaN too
            raise PruningError(
                f"density must be in (0, 1]; got {self.density} (sparsity.density). "
                f"Give the fraction of weights to keep."
            )
        if isinstance(self.rounds, bool) or not isinstance(self.rounds, int) or self.rounds < 1:
            raise PruningError(
                f"rounds must be a whole number >= 1; got {self.rounds!r} (sparsity.rounds). Use 1 for one shot."
            )
        pairs = tuple((str(glob), float(factor)) for glob, factor in self.multipliers)
        object.__setattr__(self, "multipliers", pairs)  # a list read from JSON becomes hashable
        for glob, factor in pairs:
            if not (math.isfinite(factor) and 1 / _WIDEST <= factor <= _WIDEST):
                raise PruningError(
                    f"a multiplier must be positive, in {1 / _WIDEST:g}..{_WIDEST:g}; got {factor} for '{glob}' "
                    f"(sparsity.multipliers). Only ratios between multipliers matter."
                )
