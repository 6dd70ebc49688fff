"""Allocations: how many weights each layer keeps. One file, one function, one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from torch import Size

from pruning.allocations.balanced import balanced
from pruning.allocations.er import er
from pruning.allocations.erk import erk
from pruning.allocations.igq import igq
from pruning.allocations.pyramidal import pyramidal
from pruning.allocations.uniform import uniform
from pruning.allocations.uniform_plus import uniform_plus

Allocation: TypeAlias = Callable[[Mapping[str, Size], float], dict[str, float]]
"""(layer -> shape of its weight, density) -> layer -> share of the kept weights, in any unit."""

ALLOCATIONS: dict[str, Allocation | None] = {
    "balanced": balanced,
    "er": er,
    "erk": erk,
    "global": None,  # no counts beforehand: the method's ranking across all layers decides them
    "igq": igq,
    "pyramidal": pyramidal,
    "uniform": uniform,
    "uniform_plus": uniform_plus,
}
