"""SynFlow-L2: the weights that carry most of the flow when every weight is squared, without data."""

from __future__ import annotations

import torch
from torch import nn

from pruning.evidence import Evidence
from pruning.linearise import squared
from pruning.scoring import Masks, Scorer, Scores
from pruning.twin import Twin


def synflow_l2(module: nn.Module, evidence: Evidence) -> Scorer:
    """Return a scorer of weight^2 * d R / d (weight^2), with R the summed output of the squared network.

    R is the sum over all paths of the product of the squared weights on the path, the trace of the path kernel
    without the division by each weight; a weight's score is the share of R that flows through it. Conserved like
    `synflow`: the scores of a layer that every path crosses add up to R, and what flows into a unit flows out of
    it. In float64; the paper uses 100 rounds.

    Three formulas go by this name. They rank alike, not equally: on a ResNet-20 two of them have
    0.84 to 0.88 of their top tenth in common. This is the canonical one, the only one that is conserved.
    `synflow_l2_phew` is |weight| * d R(weight^2) / d (weight^2); `synflow_l2_gebhart` is weight^2 *
    d R(|weight|) / d |weight|.

    Raises:
        PruningError: the network cannot run on one sample of the evidence's input shape.

    Source: Gebhart, Saxena and Schrater, A unified paths perspective for pruning at initialization, 2021, arXiv
    2101.10552 (SynFlow-L2).
    Differs from the published code: see there; and as in `synflow`.
    """
    twin = Twin(squared(module))
    ones = torch.ones(1, *evidence.input_shape, device="cpu")

    def score(masks: Masks) -> Scores:
        return {name: flow.abs_() for name, flow in twin.sensitivity(masks, ones, torch.sum).items()}

    return score
