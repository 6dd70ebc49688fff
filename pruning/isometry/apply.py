"""What all isometry rules share: weights in, better weights written back, a report out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn

from pruning.errors import PruningError
from pruning.isometry.penalty import Masked
from pruning.masks import check_masks
from pruning.matrices import matrices
from pruning.parameters import prunable


@dataclass(frozen=True, slots=True)
class Descent:
    """What a rule did to one weight.

    Attributes:
        before: squared penalty of the masked weight as it was given (`Masked` defines it).
        after: squared penalty of the weight as it is stored now, rounded to the parameter's precision.
        penalties: squared penalty at the start and after each step, before rounding.
    """

    before: float
    after: float
    penalties: tuple[float, ...]

    @property
    def increases(self) -> int:
        """Number of steps that made the penalty larger."""
        return sum(new > old for old, new in pairwise(self.penalties))


class IsometryRule(Protocol):
    """Changes kept weights in place towards an isometry of each layer, with its own settings as defaults."""

    def __call__(self, module: nn.Module, masks: Mapping[str, Tensor], *, gain: float = ...) -> dict[str, Descent]:
        """Change the weights of `module` and return what happened to each."""
        ...


Solver = Callable[[Masked], tuple[Tensor, tuple[float, ...]]]
"""One weight -> better matrices of the same layout, and the penalty at the start and after each step."""


def improve_(
    module: nn.Module, masks: Mapping[str, Tensor], gain: float, solve: Solver, *, monotone: bool
) -> dict[str, Descent]:
    """Write what `solve` makes of each weight; masked weights become exactly zero, biases stay.

    Args:
        module: the network, on any device, in any precision; the work is done on the CPU in float64.
        masks: one for each prunable weight.
        gain: the wanted singular value of every layer.
        solve: called once a weight, in module order.
        monotone: keep the masked weight as it was given if rounding made the result worse.

    Returns:
        Parameter name -> report.

    Raises:
        PruningError: the masks do not fit, the gain is not positive and finite, or a kept weight is not finite.
            Nothing has been written then.
    """
    check_masks(module, masks)
    if not (math.isfinite(gain) and gain > 0):
        raise PruningError(f"gain must be positive and finite; got {gain} (isometry). Use 1 for an isometry.")
    weights, layouts, reports = prunable(module), matrices(module), {}
    for name, weight in weights.items():
        _check_finite(name, weight, masks[name])
    with torch.no_grad():
        for name, weight in weights.items():
            stack, unstack = layouts[name].stack, layouts[name].unstack
            mask = stack(masks[name].cpu())
            given = Masked.of(stack(weight.detach().cpu()), mask, gain)
            values, trace = solve(given)
            stored = given.values if monotone and trace[-1] >= trace[0] else values
            after = _rounded_penalty(given, stored, weight.dtype)
            before = given.penalty(given.excess(given.values))
            if monotone and after > before:
                stored, after = given.values, before
            weight.copy_(unstack(given.unswapped(stored)))
            reports[name] = Descent(before, after, trace)
    return reports


def _rounded_penalty(layer: Masked, values: Tensor, dtype: torch.dtype) -> float:
    return layer.penalty(layer.excess(values.to(dtype).double()))


def _check_finite(name: str, weight: Tensor, mask: Tensor) -> None:
    if weight.is_meta:
        raise PruningError(f"a weight must have values; got a meta tensor ('{name}'). Load the weights first.")
    kept = weight.detach()[mask.to(weight.device)]
    if not bool(kept.isfinite().all()):
        bad = float(kept[~kept.isfinite()][0])
        raise PruningError(f"kept weights must be finite; got {bad} ('{name}'). Initialise this layer again.")
