"""Iterative magnitude pruning: train, remove a share of the weights, go back, train again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar, get_args

import torch
from torch import Tensor, nn

from pruning.counts import budget
from pruning.dynamic.shrink import shrink
from pruning.errors import PruningError
from pruning.hold import hold_
from pruning.masks import MaskSet, check_masks
from pruning.naming import unknown

Rewind: TypeAlias = Literal["weights", "rate"]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Level(Generic[Result]):
    """One training of the sequence: the masks it had, and what the training function returned."""

    masks: MaskSet
    result: Result


def iterative_pruning(
    module: nn.Module,
    masks: MaskSet,
    train: Callable[[nn.Module, MaskSet], Result],
    *,
    density: float,
    generator: torch.Generator,
    keep: float = 0.8,
    rewind: Rewind = "rate",
    start: Mapping[str, Any] | None = None,
    method: str = "magnitude",
    allocation: str = "global",
) -> Iterator[Level[Result]]:
    """Yield a level after each training, the first with the masks given, the last at exactly the density.

    After each but the last training, all but `keep` of the weights are removed by magnitude. Then either
    everything goes back to `start` ("weights": lottery tickets; with a state from a little after initialisation,
    their late-rewound form), or the weights stay as learnt and only the learning rate starts anew ("rate"), which
    it does because `train` makes its own optimiser and schedule each time. Removed weights never return, so
    nothing leaves the first masks.

    Args:
        module: the network, changed in place; pruned weights are held at zero while `train` runs.
        masks: what may be kept; all ones for the plain method.
        train: trains the module in place, from its first step to its last; the masks are for its information.
        density: kept fraction of all prunable weights at the end, at most that of `masks`.
        generator: a CPU generator; it decides ties.
        keep: share of the weights that outlives a removal, in (0, 1).
        rewind: what goes back before a training.
        start: state_dict to go back to; None for the module's state now. For "weights" only.
        method: see `shrink`.
        allocation: see `shrink`.

    Raises:
        PruningError: a name is unknown or a number out of its range.

    Source: Frankle and Carbin, ICLR 2019, arXiv 1803.03635, strategy 1 (resetting); Frankle et al., ICML 2020,
    arXiv 1912.05671 (rewinding to a later step); Renda, Frankle and Carbin, ICLR 2020, arXiv 2003.02389, section 3
    (learning-rate rewinding).
    """
    if rewind not in get_args(Rewind):
        raise PruningError(unknown("rewinding", rewind, get_args(Rewind)))
    check_masks(module, masks)
    densities = levels(masks, density, keep)
    state = copy.deepcopy(dict(start or module.state_dict())) if rewind == "weights" else None
    for number, kept in enumerate(densities):
        if number:
            masks = shrink(module, masks, kept, generator, method=method, allocation=allocation)
            if state is not None:
                module.load_state_dict(state)
        yield Level(masks, _trained(module, masks, train))


def levels(masks: Mapping[str, Tensor], density: float, keep: float) -> list[float]:
    """Return the densities of all levels: that of the masks times powers of `keep`, the last exactly `density`.

    Raises:
        PruningError: `keep` is not in (0, 1), or the density keeps more than the masks or next to nothing.
    """
    sizes = {name: mask.numel() for name, mask in masks.items()}
    total, now = sum(sizes.values()), sum(int(mask.count_nonzero()) for mask in masks.values())
    wanted = budget(density, sizes)
    if not 0 < keep < 1 or wanted > now:
        raise PruningError(
            f"keep must be in (0, 1) and density at most that of the masks, {now / total:.6g}; got {keep} and "
            f"{density:g}. Each level keeps that share of the one before."
        )
    found = [now / total]
    while round(found[-1] * total) > wanted:
        found.append(max(wanted, round(now * keep ** len(found))) / total)
    return found


def _trained(module: nn.Module, masks: MaskSet, train: Callable[[nn.Module, MaskSet], Result]) -> Result:
    hold = hold_(module, masks)
    try:
        return train(module, masks)
    finally:
        hold.release()
