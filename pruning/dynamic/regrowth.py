"""Sparse training whose mask moves: what RigL and SET share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

from pruning.dynamic.confine import check_within
from pruning.dynamic.drop_and_grow import cosine, drop_and_grow
from pruning.dynamic.moments import reset_moments_
from pruning.dynamic.moving import Moving
from pruning.errors import PruningError
from pruning.hold import hold_
from pruning.masks import MaskSet, check_masks
from pruning.parameters import prunable


class Regrowth(Moving):
    """Holds a network's pruned weights at zero, and exchanges some of the kept ones every `interval` steps.

    One line before a training loop and one inside it:

        sparsity = RigL(module, masks, optimizer, end=3 * steps // 4, generator=generator)
        for inputs, targets in batches:
            optimizer.zero_grad()
            loss(module(inputs), targets).backward()
            optimizer.step()
            sparsity.step()

    In step t = interval, 2 interval, ... up to `end`, each layer exchanges int(cosine(fraction, t, end) * kept) of
    its kept weights. Its count never changes, nothing outside `allowed` is ever kept, and what a weight that is
    new or gone had in the optimiser is zero. A weight that is dropped and grown again in one step is left alone.

    Raises:
        PruningError: the masks do not fit the network or lie outside `allowed`, or a number is out of its range.
    """

    def __init__(
        self,
        module: nn.Module,
        masks: MaskSet,
        optimizer: Optimizer,
        *,
        end: int,
        generator: torch.Generator,
        interval: int = 100,
        fraction: float = 0.3,
        allowed: MaskSet | None = None,
    ) -> None:
        """Zero what the masks leave out, and hold it there.

        Args:
            module: the network, on any device.
            masks: where to start; at least one weight in each layer.
            optimizer: any of torch, over the network's parameters.
            end: the last step in which weights may be exchanged; about three quarters of all, says the paper.
            generator: a CPU generator, for ties and random growth.
            interval: steps between updates.
            fraction: share of a layer's weights to exchange at first, in [0, 1]; it falls to 0 along a cosine.
            allowed: what may ever be kept; None for everything.
        """
        _check(end, interval, fraction)
        check_masks(module, masks)
        if allowed is not None:
            check_masks(module, allowed)
            check_within(masks, allowed)
        self.module, self.optimizer, self.generator = module, optimizer, generator
        self.end, self.interval, self.fraction = end, interval, fraction
        self.steps = 0
        self.exchanged = 0
        self._active = dict(masks)
        self._allowed = None if allowed is None else dict(allowed)
        self._owed = False
        self.hold = hold_(module, masks)

    @abstractmethod
    def _growth(self, weights: dict[str, nn.Parameter]) -> dict[str, Tensor]:
        """Return, for each layer that may change now, how much each weight would gain by being kept."""

    @property
    def masks(self) -> MaskSet:
        """What is kept now."""
        return MaskSet(self._active)

    def step(self) -> bool:
        """Count one training step (call it after the optimiser's), and return whether weights were exchanged.

        An update that meets a gradient that is not finite is put off to the next step.
        """
        due = self._next_is_due()
        self.steps += 1
        if not due:
            return False
        weights = prunable(self.module)
        growth = self._growth(weights)
        self._owed = not all(bool(score.isfinite().all()) for score in growth.values())
        if self._owed:
            return False
        for name, score in growth.items():
            self._exchange(name, weights[name], score)
        return True

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training needs besides module and optimiser: step, masks, generator's state."""
        return {"steps": self.steps, "masks": dict(self.masks), "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there; load the module's and the optimiser's states too.

        Raises:
            PruningError: the masks do not fit the network or lie outside the allowed ones.
        """
        masks = MaskSet(state["masks"])
        check_masks(self.module, masks)
        if self._allowed is not None:
            check_within(masks, self._allowed)
        self.steps, self._active = state["steps"], dict(masks)
        self.generator.set_state(state["generator"])
        self.hold.move(masks)

    def release(self) -> None:
        """Let go of the network: its weights may change freely, from the zeros they have."""
        self.hold.release()

    def _next_is_due(self) -> bool:
        coming = self.steps + 1
        return coming <= self.end and (self._owed or coming % self.interval == 0)

    def _exchange(self, name: str, weight: nn.Parameter, growth: Tensor) -> None:
        active = self._active[name].to(weight.device)
        count = int(cosine(self.fraction, self.steps, self.end) * int(active.count_nonzero()))
        if count == 0:
            return
        if not bool(weight.isfinite().all()):
            raise PruningError(
                f"weights must be finite to be ranked; got inf or nan ('{name}' in step {self.steps}). "
                f"Lower the learning rate."
            )
        allowed = torch.ones_like(active) if self._allowed is None else self._allowed[name].to(weight.device)
        ties = int(torch.randint(2**62, (), generator=self.generator))
        found = drop_and_grow(weight, growth, active, allowed, count, ties)
        changed = active ^ found
        self.exchanged += int(changed.count_nonzero()) // 2
        self._active[name] = found
        self.hold.move({name: found})
        reset_moments_(self.optimizer, weight, changed)


def _check(end: int, interval: int, fraction: float) -> None:
    if interval < 1 or end < 1:
        raise PruningError(f"interval and end must be at least 1 step; got {interval} and {end}. Use 100 steps or so.")
    if not 0 <= fraction <= 1:
        raise PruningError(f"fraction must be in [0, 1]; got {fraction}. Give the share of weights to exchange.")
