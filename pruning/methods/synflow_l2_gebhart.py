"""SynFlow-L2 as the code of its authors computes it."""

from __future__ import annotations

from torch import nn

from pruning.evidence import Evidence
from pruning.methods.synflow import synflow
from pruning.parameters import prunable
from pruning.scoring import Masks, Scorer, Scores


def synflow_l2_gebhart(module: nn.Module, evidence: Evidence) -> Scorer:
    """Return a scorer of weight^2 * d R / d |weight|, with R the summed output of the linearised network.

    It is the score of `synflow` times |weight|. Not conserved.

    Raises:
        PruningError: the network cannot run on one sample of the evidence's input shape.

    Source: Gebhart, Saxena and Schrater, 2021, arXiv 2101.10552 (its released code).
    """
    flow = synflow(module, evidence)
    sizes = {name: weight.detach().to("cpu", copy=True).double().abs_() for name, weight in prunable(module).items()}

    def score(masks: Masks) -> Scores:
        return {name: value * sizes[name] for name, value in flow(masks).items()}

    return score
