"""Gradual magnitude pruning: a network that becomes sparse while it trains."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.optimizer import Optimizer

from pruning.dynamic.moments import reset_moments_
from pruning.dynamic.shrink import shrink
from pruning.errors import PruningError
from pruning.hold import hold_
from pruning.masks import MaskSet, check_masks
from pruning.parameters import prunable


class GradualMagnitude:
    """Removes the smallest weights every `interval` steps from `begin` to `end`; one line in a training loop.

        sparsity = GradualMagnitude(module, masks, optimizer, density=0.1, begin=0, end=3 * steps // 4, generator=g)
        ... optimizer.step(); sparsity.step()

    With p = (t - begin) / (end - begin), the density after step t is final + (first - final) (1 - p)^3; that of the
    masks it starts from is the first. They are also what it never leaves: pruned weights do not return.

    Source: Zhu and Gupta, 2017, To prune, or not to prune, arXiv 1710.01878, equation 1.

    Raises:
        PruningError: the masks do not fit the network, the density is above theirs, or the steps are out of order.
    """

    def __init__(
        self,
        module: nn.Module,
        masks: MaskSet,
        optimizer: Optimizer,
        *,
        density: float,
        end: int,
        generator: torch.Generator,
        begin: int = 0,
        interval: int = 100,
        allocation: str = "global",
    ) -> None:
        """Zero what the masks leave out, and hold it there; nothing else is removed yet.

        Args:
            module: the network, on any device.
            masks: what may be kept; all ones for the plain method.
            optimizer: any of torch; what it remembers of a removed weight is set to zero.
            density: kept fraction of all prunable weights after step `end`.
            end: the last step in which weights are removed.
            generator: a CPU generator; it decides ties.
            begin: the step from which the curve falls.
            interval: steps between removals.
            allocation: "global" ranks across layers; others fix each layer's count.
        """
        if not 0 <= begin < end or interval < 1:
            raise PruningError(
                f"steps must be 0 <= begin < end with an interval of at least 1; got {begin}, {end} and {interval}. "
                f"Let it end well before the training does."
            )
        if not 0 < density <= masks.density:
            raise PruningError(
                f"density must be above 0 and at most that of the masks, {masks.density:.6g}; got {density}. "
                f"Start from masks that keep more."
            )
        check_masks(module, masks)
        self.module, self.optimizer, self.generator = module, optimizer, generator
        self.first, self.final = masks.density, density
        self.begin, self.end, self.interval, self.allocation = begin, end, interval, allocation
        self.steps = 0
        self.masks = masks
        self.hold = hold_(module, masks)

    def density_after(self, step: int) -> float:
        """Return the density that is to be kept after `step`."""
        progress = min(max((step - self.begin) / (self.end - self.begin), 0.0), 1.0)
        return self.final + (self.first - self.final) * (1 - progress) ** 3  # eq. 1

    def step(self) -> bool:
        """Count one training step (call it after the optimiser's), and return whether weights were removed."""
        self.steps += 1
        due = self.steps == self.end or (self.steps - self.begin) % self.interval == 0
        if not due or not self.begin < self.steps <= self.end:
            return False
        wanted = self.density_after(self.steps)
        before = self.masks
        self.masks = shrink(self.module, before, wanted, self.generator, allocation=self.allocation)
        self.hold.move(self.masks)
        for name, weight in prunable(self.module).items():
            reset_moments_(self.optimizer, weight, (before[name] & ~self.masks[name]).to(weight.device))
        return True

    def release(self) -> None:
        """Let go of the network: its weights may change freely, from the zeros they have."""
        self.hold.release()
