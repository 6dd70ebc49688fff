"""Iterative magnitude pruning within one training: its steps are shared among the levels."""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, get_args

import torch
from torch import nn
from torch.optim.optimizer import Optimizer

from pruning.dynamic.iterative import Rewind
from pruning.dynamic.moving import Moving
from pruning.dynamic.shrink import shrink_layers
from pruning.errors import PruningError
from pruning.hold import hold_
from pruning.masks import MaskSet, check_masks
from pruning.naming import unknown


class Levels(Moving):
    """Trains in levels of equal length, each with fewer weights than the one before; two lines in a training loop.

        sparsity = Levels(module, masks, optimizer, counts=counts, steps=steps, generator=generator)
        ... rate = schedule(*sparsity.cycle(step, steps)) ... optimizer.step(); sparsity.step()

    In level k of n, counted from 0, layer l keeps first_l (last_l / first_l)^(k / (n - 1)) weights, rounded: the same
    share is removed each time. After each level but the last the smallest weights go, the optimiser forgets everything,
    the learning rate begins a new cycle, and with "weights" the network goes back to what it was before the first
    step. `iterative_pruning` is the same around a training function, each level as long as that takes.

    Source: Frankle and Carbin, ICLR 2019, arXiv 1803.03635 (weights); Renda, Frankle and Carbin, ICLR 2020, arXiv
    2003.02389, section 3 (rate).
    Differs from the papers: few levels, which together take as many steps as one training; each layer's count is given.

    Raises:
        PruningError: the masks do not fit the network, counts are not those of its layers or above the masks', or there
            are not as many steps as levels.
    """

    def __init__(
        self,
        module: nn.Module,
        masks: MaskSet,
        optimizer: Optimizer,
        *,
        counts: Mapping[str, int],
        steps: int,
        generator: torch.Generator,
        levels: int = 4,
        rewind: Rewind = "rate",
    ) -> None:
        """Zero what the first level leaves out, and hold it there.

        Args:
            module: the network as it is before its first step, to which "weights" goes back.
            masks: what may be kept, and what the first of several levels keeps.
            optimizer: any of torch.
            counts: how many weights each layer keeps in the last level.
            steps: of all levels together.
            generator: a CPU generator; it decides ties.
            levels: trainings in a row; one level begins with the last counts.
            rewind: what goes back after a level: the learning "rate" only, or the "weights" too.
        """
        if rewind not in get_args(Rewind):
            raise PruningError(unknown("rewinding", rewind, get_args(Rewind)))
        if not 1 <= levels <= steps:
            raise PruningError(f"levels must be at least 1 and at most the steps, {steps}; got {levels}. Train longer.")
        check_masks(module, masks)
        self._module, self._optimizer, self._generator = module, optimizer, generator
        self._first, self._last = masks.counts(), _checked(counts, masks)
        self._ends = [round(steps * (level + 1) / levels) for level in range(levels)]
        self._start = copy.deepcopy(module.state_dict()) if rewind == "weights" else None
        self._steps = 0
        self._masks = shrink_layers(module, masks, self.counts_of(0), generator)
        self._hold = hold_(module, self._masks)

    @property
    def masks(self) -> MaskSet:
        """What is kept in this level."""
        return self._masks

    def counts_of(self, level: int) -> dict[str, int]:
        """Return how many weights each layer keeps in a level, 0 being the first."""
        share = level / (len(self._ends) - 1) if len(self._ends) > 1 else 1.0
        return {
            name: first and round(first * (self._last[name] / first) ** share) for name, first in self._first.items()
        }

    def step(self) -> bool:
        """Count one training step, and return whether the next level began."""
        self._steps += 1
        if self._steps not in self._ends[:-1]:
            return False
        counts = self.counts_of(self._ends.index(self._steps) + 1)
        self._masks = shrink_layers(self._module, self._masks, counts, self._generator)
        if self._start is not None:
            self._module.load_state_dict(self._start)
        self._hold.move(self._masks)
        self._optimizer.state.clear()
        return True

    def cycle(self, step: int, steps: int) -> tuple[int, int]:
        """Return the place of a step in its level, and the level's length."""
        level = bisect_right(self._ends, step)
        begin = self._ends[level - 1] if level else 0
        return step - begin, self._ends[level] - begin

    def state_dict(self) -> dict[str, Any]:
        """Return step, masks and the generator's state."""
        return {"steps": self._steps, "masks": dict(self._masks), "generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there; the network that this was made with was the one before the first step.

        Raises:
            PruningError: the masks do not fit the network.
        """
        masks = MaskSet(state["masks"], self._masks.metadata)
        check_masks(self._module, masks)
        self._steps, self._masks = state["steps"], masks
        self._generator.set_state(state["generator"])
        self._hold.move(masks)

    def release(self) -> None:
        """Let go of the network: its weights may change freely, from the zeros they have."""
        self._hold.release()


def _checked(counts: Mapping[str, int], masks: MaskSet) -> dict[str, int]:
    for name, kept in masks.counts().items():
        if not 0 <= counts.get(name, -1) <= kept:
            raise PruningError(
                f"a layer's last count must be at most what is kept at first, {kept}; got {counts.get(name)} "
                f"('{name}'). Start from masks that keep more."
            )
    return dict(counts)
