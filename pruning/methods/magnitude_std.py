"""Magnitude pruning in units of each layer's own spread."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pruning.evidence import Evidence
from pruning.parameters import prunable
from pruning.scoring import Masks, Scorer, Scores


def magnitude_std(module: nn.Module, evidence: Evidence) -> Scorer:
    """Return a scorer of |weight| / (standard deviation of the layer's weights), whatever the masks.

    With the global allocation this is class-distributed pruning: each layer has the threshold lambda * deviation,
    one lambda for all. It is a method and not an allocation, because the layers' counts follow from the values.
    With an allocation that fixes the counts it is `magnitude`. A layer of equal weights, which has no deviation,
    is measured by their size.

    Source: See, Luong and Manning, CoNLL 2016, arXiv 1606.09274, section 3.2 (class-distributed); Han et al.,
    NeurIPS 2015, arXiv 1506.02626.
    """
    weights = prunable(module)

    def score(masks: Masks) -> Scores:
        return {name: _in_deviations(weight.detach().to("cpu", torch.float64)) for name, weight in weights.items()}

    return score


def _in_deviations(weight: Tensor) -> Tensor:
    deviation = weight.std(correction=0)
    if deviation == 0:
        deviation = weight.abs().max()  # all equal: each is one unit, or they are zero and stay so
    return weight.abs() / deviation.where(deviation != 0, 1.0)
