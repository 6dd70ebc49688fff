"""Gradual magnitude pruning: a network that becomes sparse while it trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import Optimizer

from pruning.dynamic.moments import reset_moments_
from pruning.dynamic.moving import Moving
from pruning.dynamic.shrink import shrink, shrink_layers
from pruning.errors import PruningError
from pruning.hold import hold_
from pruning.masks import MaskSet, check_masks
from pruning.parameters import prunable


class GradualMagnitude(Moving):
    """Removes the smallest weights every `interval` steps from `begin` to `end`; one line in a training loop.

        sparsity = GradualMagnitude(module, masks, optimizer, density=0.1, begin=0, end=3 * steps // 4, generator=g)
        ... optimizer.step(); sparsity.step()

    With p = (t - begin) / (end - begin), the density after step t is final + (first - final) (1 - p)^3; that of the
    masks it starts from is the first. They are also what it never leaves: pruned weights do not return.

    Source: Zhu and Gupta, 2017, To prune, or not to prune, arXiv 1710.01878, equation 1.

    Raises:
        PruningError: the masks do not fit the network, density or counts are above theirs, or the steps are out of
            order.
    """

    def __init__(
        self,
        module: nn.Module,
        masks: MaskSet,
        optimizer: Optimizer,
        *,
        end: int,
        generator: torch.Generator,
        density: float | None = None,
        counts: Mapping[str, int] | None = None,
        begin: int = 0,
        interval: int = 100,
        allocation: str = "global",
    ) -> None:
        """Zero what the masks leave out, and hold it there; nothing else is removed yet.

        Args:
            module: the network, on any device.
            masks: what may be kept; all ones for the plain method.
            optimizer: any of torch; what it remembers of a removed weight is set to zero.
            end: the last step in which weights are removed.
            generator: a CPU generator; it decides ties.
            density: kept fraction of all prunable weights after step `end`.
            counts: how many weights each layer keeps after step `end`, in place of density and allocation; each
                layer's count then falls along the curve.
            begin: the step from which the curve falls.
            interval: steps between removals.
            allocation: "global" ranks across layers; others fix each layer's count.
        """
        if not 0 <= begin < end or interval < 1:
            raise PruningError(
                f"steps must be 0 <= begin < end with an interval of at least 1; got {begin}, {end} and {interval}. "
                f"Let it end well before the training does."
            )
        check_masks(module, masks)
        self.module, self.optimizer, self.generator = module, optimizer, generator
        self.first, self.final = masks.density, _final(masks, density, counts)
        self._starts, self._counts = masks.counts(), counts
        self.begin, self.end, self.interval, self.allocation = begin, end, interval, allocation
        self.steps = 0
        self._masks = masks
        self.hold = hold_(module, masks)

    @property
    def masks(self) -> MaskSet:
        """What is kept now."""
        return self._masks

    def density_after(self, step: int) -> float:
        """Return the density that is to be kept after `step`."""
        return self.final + (self.first - self.final) * self._still_to_go(step)  # eq. 1

    def _still_to_go(self, step: int) -> float:
        progress = min(max((step - self.begin) / (self.end - self.begin), 0.0), 1.0)
        return float((1 - progress) ** 3)

    def step(self) -> bool:
        """Count one training step (call it after the optimiser's), and return whether weights were removed."""
        self.steps += 1
        due = self.steps == self.end or (self.steps - self.begin) % self.interval == 0
        if not due or not self.begin < self.steps <= self.end:
            return False
        before = self._masks
        self._masks = self._shrunk(before)
        self.hold.move(self._masks)
        for name, weight in prunable(self.module).items():
            reset_moments_(self.optimizer, weight, (before[name] & ~self._masks[name]).to(weight.device))
        return True

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training needs besides module and optimiser: step, masks, generator's state."""
        return {"steps": self.steps, "masks": dict(self.masks), "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there; load the module's and the optimiser's states too.

        Raises:
            PruningError: the masks do not fit the network.
        """
        masks = MaskSet(state["masks"], self._masks.metadata)
        check_masks(self.module, masks)
        self.steps, self._masks = state["steps"], masks
        self.generator.set_state(state["generator"])
        self.hold.move(masks)

    def _shrunk(self, masks: MaskSet) -> MaskSet:
        if self._counts is None:
            wanted = self.density_after(self.steps)
            return shrink(self.module, masks, wanted, self.generator, allocation=self.allocation)
        share = self._still_to_go(self.steps)
        counts = {name: last + round((self._starts[name] - last) * share) for name, last in self._counts.items()}
        return shrink_layers(self.module, masks, counts, self.generator)

    def release(self) -> None:
        """Let go of the network: its weights may change freely, from the zeros they have."""
        self.hold.release()


def _final(masks: MaskSet, density: float | None, counts: Mapping[str, int] | None) -> float:
    """Return the density of the end, which must be stated in one way and be reachable from the masks."""
    if (density is None) == (counts is None):
        got = "neither" if density is None else "both"
        raise PruningError(f"gradual pruning must have either density or counts; got {got}. Give one of them.")
    if counts is not None:
        wrong = next((n for n, kept in masks.counts().items() if not 0 <= counts.get(n, -1) <= kept), None)
        if wrong is not None or counts.keys() != masks.keys():
            raise PruningError(
                f"counts must name each layer and be at most those of the masks; got {dict(counts)}. "
                f"Start from masks that keep more."
            )
        return sum(counts.values()) / masks.total
    if density is None or not 0 < density <= masks.density:
        raise PruningError(
            f"density must be above 0 and at most that of the masks, {masks.density:.6g}; got {density}. "
            f"Start from masks that keep more."
        )
    return density
