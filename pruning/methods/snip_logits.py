"""SNIP without labels: the weights that the size of the outputs depends on."""

from __future__ import annotations

from torch import Tensor, nn

from pruning.batch import informative, training_twin, unlabelled_batch
from pruning.evidence import Evidence
from pruning.scoring import Masks, Scorer, Scores


def snip_logits(module: nn.Module, evidence: Evidence) -> Scorer:
    """Return a scorer of |weight * d loss / d weight| for the loss |outputs|^2, averaged over the batch.

    The pass is that of `snip`; with several rounds removed weights never return.

    Raises:
        PruningError: the evidence has no inputs, the network cannot run on them, or the dense network's scores
            are all zero.

    Source: Liu and Zenke, Finding trainable sparse networks through neural tangent transfer, ICML 2020, arXiv
    2006.08228 (the logit-based SNIP of its experiments).
    """
    inputs = unlabelled_batch(evidence, "snip_logits")
    twin = training_twin(module, evidence)

    def loss(logits: Tensor) -> Tensor:
        return logits.square().flatten(1).sum(1).mean()

    def score(masks: Masks) -> Scores:
        signed = informative(twin.sensitivity(masks, inputs, loss), masks, "snip_logits")
        return {name: value.abs_() for name, value in signed.items()}

    return score
