"""Allocations: how many weights each layer keeps. One file, one function, one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from torch import Size

from pruning.allocations.erk import erk
from pruning.allocations.uniform import uniform

Allocation: TypeAlias = Callable[[Mapping[str, Size], float], dict[str, float]]
"""(layer -> shape of its weight, density) -> layer -> share of the kept weights, in any unit."""

ALLOCATIONS: dict[str, Allocation | None] = {
    "erk": erk,
    "global": None,  # no counts beforehand: the method's ranking across all layers decides them
    "uniform": uniform,
}
