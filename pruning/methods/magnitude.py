"""Magnitude pruning: large weights stay."""

from __future__ import annotations

import torch
from torch import nn

from pruning.evidence import Evidence
from pruning.parameters import prunable
from pruning.scoring import Masks, Scorer, Scores


def magnitude(module: nn.Module, evidence: Evidence) -> Scorer:
    """Return a scorer of |weight|, whatever the masks.

    With the global allocation this is class-blind pruning, with the uniform one class-uniform pruning.

    Source: Han et al., NeurIPS 2015, arXiv 1506.02626; See, Luong and Manning, CoNLL 2016, arXiv 1606.09274,
    section 3.2 (the names of the two schemes).
    """
    weights = prunable(module)

    def score(masks: Masks) -> Scores:
        return {
            name: weight.detach().abs().to("cpu", torch.promote_types(weight.dtype, torch.float32))
            for name, weight in weights.items()
        }

    return score
