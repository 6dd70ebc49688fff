"""What one forward pass leaves behind: which weight joins which units, written as a list of steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

Indices: TypeAlias = "npt.NDArray[np.int64]"


@dataclass(frozen=True, slots=True)
class Part:
    """One input of a junction: unit `take[k]` of node `source` is added to unit `put[k]`; None means all in order."""

    source: int
    take: Indices | None = None
    put: Indices | None = None


@dataclass(frozen=True, slots=True)
class Junction:
    """Node `out` is the sum of its parts: residual sums, concatenations, slices, flattening, shuffles."""

    out: int
    parts: tuple[Part, ...]
    is_sum: bool = False
    """True when the network adds (or multiplies) whole tensors here: the meeting of two branches."""
    is_product: bool = False
    """True when it multiplies them: a gate, which is no branch that could be skipped."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """Node `out` is node `source` multiplied by the weight of layer `layer`."""

    out: int
    source: int
    layer: int
    recurrent: bool = False
    """True for an edge from one time step to the next: the source is the state of the step before."""


@dataclass(slots=True)
class Use:
    """How the forward pass applies one weight. A tied weight applied twice has one `Use`, its positions summed.

    `positions` is the number of vectors per sample that the weight multiplies, so each kept entry of the
    weight costs exactly that many multiply-adds.
    """

    weight: Tensor
    positions: int
    groups: int = 1
    transposed: bool = False


@dataclass(slots=True)
class Tape:
    """Units of each node (node 0 is the input), the steps in order, the weights used, and the output nodes."""

    units: list[int] = field(default_factory=list)
    steps: list[Junction | Weighted] = field(default_factory=list)
    uses: dict[str, Use] = field(default_factory=dict)
    outputs: list[int] = field(default_factory=list)

    def node(self, units: int) -> int:
        """Return a new node of so many units."""
        self.units.append(units)
        return len(self.units) - 1

    def junction(self, units: int, *parts: Part, is_sum: bool = False, is_product: bool = False) -> int:
        """Return a new node that is the sum of `parts`."""
        out = self.node(units)
        self.steps.append(Junction(out, parts, is_sum, is_product))
        return out

    def merged(self, units: int, source: int, into: Indices) -> int:
        """Return a new node whose unit into[k] is the sum of the source's units k."""
        return self.junction(units, Part(source, put=into))

    def copied(self, source: int, take: Indices) -> int:
        """Return a new node whose unit k is the source's unit take[k]."""
        return self.junction(len(take), Part(source, take=take))

    def mix(self, units: int, *sources: int) -> int:
        """Return a new node each unit of which depends on every unit of `sources` alike: an unknown operation."""
        zeros = (np.zeros(self.units[source], dtype=np.int64) for source in sources)
        total = self.junction(1, *(Part(s, put=z) for s, z in zip(sources, zeros, strict=True)))
        return self.copied(total, np.zeros(units, dtype=np.int64))

    def use(self, name: str, use: Use) -> int:
        """Record that a weight is applied and return its layer number."""
        if name in self.uses:
            self.uses[name].positions += use.positions
        else:
            self.uses[name] = use
        return list(self.uses).index(name)

    def weighted(self, units: int, source: int, layer: int, *, recurrent: bool = False) -> int:
        """Return a new node that is `source` times the weight of `layer`."""
        out = self.node(units)
        self.steps.append(Weighted(out, source, layer, recurrent))
        return out


def reshaped_units(
    shape: tuple[int, ...], axis: int, out: tuple[int, ...]
) -> tuple[int, Indices | None, Indices | None] | None:
    """Return (new axis, take, put) of the units on `axis` after a row-major reshape; None if they are torn apart.

    A unit stays whole (`take`, `put` None), is copied when its axis merges with neighbours (flattening), or
    merges with others when its axis is split (heads, groups).
    """
    units, before = shape[axis], math.prod(shape[:axis])
    leads = [math.prod(out[:b]) for b in range(len(out))]
    for b, lead in enumerate(leads):
        if lead == before and out[b] == units:
            return b, None, None
    for b, lead in sorted(enumerate(leads), key=lambda found: found[1] != before):  # a single unit could be anywhere
        if lead and before % lead == 0 and out[b] % (units * (before // lead)) == 0:
            tail = out[b] // (units * (before // lead))
            return b, (np.arange(out[b], dtype=np.int64) // tail) % units, None
    for b, lead in enumerate(leads):
        if lead == before and 1 < out[b] < units and units % out[b] == 0:
            return b, None, np.arange(units, dtype=np.int64) // (units // out[b])
    return None
