"""A mask in motion, and what it may know of the training loop around it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

from pruning.masks import MaskSet


@dataclass(frozen=True, slots=True)
class Loop:
    """The training loop, as a training sees it.

    Attributes:
        optimizer: over the network's parameters, before its first step.
        steps: of the whole training.
        generator: a CPU generator, the only randomness.
        inputs: returns the next batch of training inputs, an even number of them, where the network is; no labels.
    """

    optimizer: Optimizer
    steps: int
    generator: torch.Generator
    inputs: Callable[[], Tensor]


class Moving(ABC):
    """What a training does to a network beside the optimiser's steps: before the first, after each, at the end."""

    @property
    @abstractmethod
    def masks(self) -> MaskSet:
        """What is kept now."""

    def prepare(self) -> bool:
        """Do what comes before the first step, unless a state is loaded; return whether the mask changed."""
        return False

    @abstractmethod
    def step(self) -> bool:
        """Count one training step (after the optimiser's); return whether how many are kept may have changed."""

    def cycle(self, step: int, steps: int) -> tuple[int, int]:
        """Return the place of a step in its cycle of the learning rate, and the cycle's length: by default one cycle.

        Args:
            step: from 0 to `steps` - 1.
            steps: of the whole training.
        """
        return step, steps

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training needs besides module and optimiser; {} where nothing moves.

        Values are numbers, tensors, and mappings of names to tensors.
        """

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there, in place of `prepare`; load the module's and the optimiser's states after it."""

    @abstractmethod
    def release(self) -> None:
        """Let go of the network; the zeros stay."""


Training: TypeAlias = Callable[[nn.Module, MaskSet, Loop], Moving]
"""(module, masks of the pattern, loop) -> the mask in motion."""
