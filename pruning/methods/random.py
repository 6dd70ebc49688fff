"""Random masks: every weight of a layer is equally likely to be kept."""

from __future__ import annotations

import torch
from torch import nn

from pruning.evidence import Evidence
from pruning.parameters import prunable
from pruning.scoring import Masks, Scorer, Scores


def random(module: nn.Module, evidence: Evidence) -> Scorer:
    """Return a scorer of independent uniform scores, new ones at every call.

    With the global allocation the mask is uniform over all masks of that count (up to the one weight each layer
    keeps); with another, uniform over those with the allocated counts. The scores are drawn on the CPU in module
    order, so that they are the same for a network on any device.
    """
    shapes = {name: weight.shape for name, weight in prunable(module).items()}

    def score(masks: Masks) -> Scores:
        return {
            name: torch.rand(shape, generator=evidence.generator, dtype=torch.float64, device="cpu")
            for name, shape in shapes.items()
        }

    return score
