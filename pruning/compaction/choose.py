"""Which units go: those that never reach the output, and constants whose part a bias can take over exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch import Tensor

from pruning.compaction.constants import Handed
from pruning.compaction.wiring import Wiring
from pruning.walks.reach import reached, reaching

if TYPE_CHECKING:
    import numpy.typing as npt

Bools: TypeAlias = "npt.NDArray[np.bool_]"


@dataclass(frozen=True, slots=True)
class Life:
    """For each unit of the wiring: whether the input tells on it, and whether it tells on the output; (units,)."""

    varies: Bools
    matters: Bools


def life(wiring: Wiring, pairs: Sequence[Tensor]) -> Life:
    """Return both for every unit; `pairs` says of each layer which units its kept weights join."""
    graph, mixing = wiring.graph, wiring.mixing
    before, after = (walk(graph, pairs, mixing) for walk in (reached, reaching))
    return Life(torch.cat(before).numpy(), torch.cat(after).numpy())


def constants(wiring: Wiring, alive: Life) -> dict[str, Tensor]:
    """Return for each ungrouped layer the units of its source that are constant and matter, int64; none is left out."""
    found = {}
    for path, step in wiring.layers.items():
        units = wiring.units(step.source)
        chosen = np.flatnonzero(~alive.varies[units] & alive.matters[units])
        if len(chosen) and _groups(wiring, path) == 1:
            found[path] = torch.from_numpy(chosen)
    return found


def removable(wiring: Wiring, alive: Life, handed: Mapping[str, Handed]) -> Bools:
    """Return which units can go so that the outputs stay what they are, (units,).

    A unit goes if it tells on no output, or if it is constant and adds the same at all positions to whatever of its
    readers stays; all that are bound together go or stay as one, and every node keeps at least one unit. What
    stays can only grow, so the search for the largest set ends.
    """
    together = wiring.together
    allowed = ~alive.matters | ~alive.varies
    for node in wiring.pinned:
        allowed[wiring.units(node)] = False
    gone = _as_one(allowed, together)
    while True:
        allowed = gone.copy()
        for path in wiring.layers:
            _hold_uneven(wiring, path, alive, handed.get(path), gone, allowed)
        for node in range(len(wiring.graph.units)):
            units = wiring.units(node)
            if gone[units].all() and len(gone[units]):
                allowed[units.start] = False
        smaller = _as_one(allowed, together)
        if np.array_equal(smaller, gone):
            return gone
        gone = smaller


def _hold_uneven(wiring: Wiring, path: str, alive: Life, handed: Handed | None, gone: Bools, allowed: Bools) -> None:
    """Disallow constants that a layer reads and no bias can stand for."""
    step = wiring.layers[path]
    source, out = wiring.units(step.source), wiring.units(step.out)
    if _groups(wiring, path) > 1:
        return  # a group's inputs and outputs go together
    going = gone[source] & alive.matters[source]  # constants, for what does not matter needs no bias
    staying = torch.from_numpy(~gone[out] & alive.matters[out])
    if not going.any() or not bool(staying.any()):
        return
    fits = np.zeros(len(going), dtype=np.bool_)
    if handed is not None:
        fits[handed.units.numpy()] = handed.even[:, staying].all(1).numpy()
    allowed[source] &= ~going | fits


def _as_one(allowed: Bools, together: npt.NDArray[np.int64]) -> Bools:
    """Return allowed units all of whose companions are allowed."""
    held = np.zeros(len(allowed), dtype=np.bool_)
    held[together[~allowed]] = True
    kept: Bools = ~held[together]
    return kept


def _groups(wiring: Wiring, path: str) -> int:
    graph = wiring.graph
    return graph.uses[graph.names[wiring.layers[path].layer]].groups
