"""SynFlow-L2 as the code of PHEW computes it."""

from __future__ import annotations

from torch import nn

from pruning.evidence import Evidence
from pruning.methods.synflow_l2 import synflow_l2
from pruning.parameters import prunable
from pruning.scoring import Masks, Scorer, Scores


def synflow_l2_phew(module: nn.Module, evidence: Evidence) -> Scorer:
    """Return a scorer of |weight| * d R / d (weight^2), with R the summed output of the squared network.

    It is the score of `synflow_l2` divided by |weight|, and half of |d R / d weight|. Not conserved. To be used
    where a comparison with PHEW's own figures is wanted.

    Raises:
        PruningError: the network cannot run on one sample of the evidence's input shape.

    Source: Patil and Dovrolis, PHEW, ICML 2021, arXiv 2010.11354 (its released SynFlow-L2 baseline).
    """
    canonical = synflow_l2(module, evidence)
    sizes = {name: weight.detach().to("cpu", copy=True).double().abs_() for name, weight in prunable(module).items()}
    divisors = {name: size.where(size != 0, 1.0) for name, size in sizes.items()}  # the flow of a zero is zero

    def score(masks: Masks) -> Scores:
        return {name: flow.div_(divisors[name]) for name, flow in canonical(masks).items()}

    return score
