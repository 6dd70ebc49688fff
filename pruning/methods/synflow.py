"""SynFlow: the weights that carry most of the flow through the network, without data."""

from __future__ import annotations

import torch
from torch import nn

from pruning.evidence import Evidence
from pruning.linearise import linearised
from pruning.scoring import Masks, Scorer, Scores
from pruning.twin import Twin


def synflow(module: nn.Module, evidence: Evidence) -> Scorer:
    """Return a scorer of d R / d |weight| * |weight|, with R the summed output of the linearised network.

    R is the sum over all paths from an input of ones to the outputs of the product of the absolute weights on
    the path; a weight's score is the share of R that flows through it. So the scores of a layer that every path
    crosses add up to R, and what flows into a unit flows out of it. One pass of a single sample, in float64; the
    paper uses 100 rounds.

    Raises:
        PruningError: the network cannot run on one sample of the evidence's input shape.

    Source: Tanaka, Kunin, Yamins and Ganguli, NeurIPS 2020, arXiv 2006.05467, equation 4 and algorithm 1.
    Differs from the published code: float64 (float32 overflows on deep networks); biases and running means are
    zero and activations the identity, so that R is the sum over paths of the equation and conservation is exact
    for any network; equal scores are not all removed.
    """
    twin = Twin(linearised(module))
    ones = torch.ones(1, *evidence.input_shape, device="cpu")

    def score(masks: Masks) -> Scores:
        flows = twin.sensitivity(masks, ones, torch.sum)  # equation 4; masked weights get 0
        return {name: flow.abs_() for name, flow in flows.items()}

    return score
