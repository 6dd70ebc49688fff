"""Edge-popup as a training: the optimiser moves scores, and weights stay signed constants."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import Optimizer

from pruning.dynamic.edge_popup import EdgePopup
from pruning.dynamic.moving import Moving
from pruning.initialization import INITIALIZATIONS
from pruning.masks import MaskSet
from pruning.parameters import prunable


class StrongTicket(Moving):
    """Seeks a subnetwork of constants that are never trained, with the loop and the optimiser of any other training.

        sparsity = StrongTicket(module, optimizer, counts=masks.counts(), generator=generator)
        ... optimizer.step(); sparsity.step()

    The weights become signed constants, each +- sqrt(2 / kept fan-in) with the mean kept fan-in of its layer, biases
    zero; the optimiser gets the scores in place of the weights and nothing else. The scores' gradient is taken in
    units of the constants, so that learning rates meant for weights do for scores.

    Source: Ramanujan et al., CVPR 2020, arXiv 1911.13299, sections 4 and 4.2 (signed Kaiming constant, scaled by the
    density).
    Differs from the paper: see `EdgePopup`; the unit of the gradient, which SGD feels and Adam does not.

    Raises:
        PruningError: a layer's count is above what is allowed, or 0.
    """

    def __init__(
        self,
        module: nn.Module,
        optimizer: Optimizer,
        *,
        counts: Mapping[str, int],
        generator: torch.Generator,
        allowed: MaskSet | None = None,
    ) -> None:
        """Draw constants and scores, write the first mask onto the network, and give the optimiser the scores.

        Args:
            module: the network, on the device where it will be trained.
            optimizer: any of torch, before its first step; its groups keep their settings.
            counts: how many weights each layer keeps.
            generator: a CPU generator, for signs, scores and ties.
            allowed: what may be kept; None for everything.
        """
        self._module = module
        self._trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        INITIALIZATIONS["signed_constant"](module, generator)
        weights = prunable(module)
        with torch.no_grad():
            for name, weight in weights.items():
                weight.mul_(math.sqrt(weight.numel() / max(1, counts.get(name, 0))))
        self.strong = EdgePopup(module, counts=counts, generator=generator, allowed=allowed, relative=True)
        _give_(optimizer, {weight: self.strong.scores[name] for name, weight in weights.items()})

    @property
    def masks(self) -> MaskSet:
        """The weights of highest |score| now."""
        return self.strong.masks

    def step(self) -> bool:
        """Write the constants that the scores choose now; how many are kept never changes, so return False."""
        self.strong.write_(self._module)
        return False

    def state_dict(self) -> dict[str, Any]:
        """Return the scores."""
        return {"scores": {name: score.detach() for name, score in self.strong.scores.items()}}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there: the constants are those that the same generator drew."""
        for name, score in self.strong.scores.items():
            score.copy_(state["scores"][name])
        self.strong.write_(self._module)

    def release(self) -> None:
        """Let go of the network; it keeps its masked constants, and whatever was frozen may be trained again."""
        self.strong.release()
        for parameter in self._trained:
            parameter.requires_grad_(True)


def _give_(optimizer: Optimizer, instead: Mapping[nn.Parameter, nn.Parameter]) -> None:
    """Put other parameters in the place of an optimiser's; those without one leave it."""
    for group in optimizer.param_groups:
        group["params"] = [instead[parameter] for parameter in group["params"] if parameter in instead]
    optimizer.param_groups[:] = [group for group in optimizer.param_groups if group["params"]]
