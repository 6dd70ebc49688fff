"""How a mask moves while its network trains, by name: one function and one line in TRAININGS for each.

A pattern's mask says how many weights each layer keeps at the end, exactly; a training says which. So what a network
costs is known before it is trained, whatever its training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import torch
from torch import nn
from torch.optim.optimizer import Optimizer

from pruning.dynamic.gradual import GradualMagnitude
from pruning.dynamic.rigl import RigL
from pruning.dynamic.set import SET
from pruning.hold import hold_
from pruning.masks import MaskSet
from pruning.parameters import present, prunable


class Moving(Protocol):
    """A mask in motion: what is kept now, the line after the optimiser's, and the end of it."""

    @property
    def masks(self) -> MaskSet:
        """What is kept now."""
        ...

    def step(self) -> bool:
        """Count one training step, and return whether the mask changed."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training needs besides module and optimiser; {} where nothing moves."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        ...

    def release(self) -> None:
        """Let go of the network; the zeros stay."""
        ...


Training: TypeAlias = Callable[[nn.Module, MaskSet, Optimizer, int, torch.Generator], Moving]
"""(module, masks of the pattern, optimiser, number of steps, CPU generator) -> the mask in motion."""


class Static:
    """The mask that stays as it is."""

    def __init__(self, module: nn.Module, masks: MaskSet) -> None:
        """Zero what the masks leave out, and hold it there."""
        self.masks = masks
        self.hold = hold_(module, masks)

    def step(self) -> bool:
        """Return False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Return {}."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stay as it is."""

    def release(self) -> None:
        """Let go of the network."""
        self.hold.release()


def static(module: nn.Module, masks: MaskSet, optimizer: Optimizer, steps: int, generator: torch.Generator) -> Static:
    """Return the pattern's mask, held."""
    return Static(module, masks)


def rigl(module: nn.Module, masks: MaskSet, optimizer: Optimizer, steps: int, generator: torch.Generator) -> RigL:
    """Return the pattern's mask, whose smallest weights make way for those of largest gradient."""
    end, interval = _course(steps)
    allowed = everything(module)
    return RigL(module, masks, optimizer, end=end, interval=interval, allowed=allowed, generator=generator)


def set_(module: nn.Module, masks: MaskSet, optimizer: Optimizer, steps: int, generator: torch.Generator) -> SET:
    """Return the pattern's mask, whose smallest weights make way for random ones."""
    end, interval = _course(steps)
    allowed = everything(module)
    return SET(module, masks, optimizer, end=end, interval=interval, allowed=allowed, generator=generator)


def gmp(
    module: nn.Module, masks: MaskSet, optimizer: Optimizer, steps: int, generator: torch.Generator
) -> GradualMagnitude:
    """Return the dense network's mask, which loses the smallest weights until each layer has the pattern's count."""
    end, interval = _course(steps)
    start = MaskSet(everything(module), masks.metadata)
    counts = masks.counts()
    return GradualMagnitude(module, start, optimizer, counts=counts, end=end, interval=interval, generator=generator)


TRAININGS: dict[str, Training] = {"static": static, "rigl": rigl, "set": set_, "gmp": gmp}

STATIC = "static"
"""The training of candidates that name none."""


def everything(module: nn.Module) -> MaskSet:
    """Return the masks that keep every weight that exists."""
    there = present(module)
    return MaskSet({n: there.get(n, torch.ones(w.shape, dtype=torch.bool)) for n, w in prunable(module).items()})


def _course(steps: int) -> tuple[int, int]:
    """Return the last step that may move the mask, and the steps between moves.

    Three quarters of all steps and 100, as Evci et al., RigL, ICML 2020, arXiv 1911.11134; in a training too short
    for 15 moves, a fifteenth of that.
    """
    end = max(1, 3 * steps // 4)
    return end, max(1, min(100, end // 15))
