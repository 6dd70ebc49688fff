"""GraSP: the weights whose removal would lower the gradient's norm most."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from pruning.batch import informative, labelled_batch, training_twin
from pruning.evidence import Evidence
from pruning.scoring import Masks, Scorer, Scores

TEMPERATURE = 200.0
"""Divides the logits, so that the softmax is nearly linear and no sample dominates."""


def grasp(module: nn.Module, evidence: Evidence) -> Scorer:
    """Return a scorer of weight * (H g): g the gradient of the loss in the kept prunable weights, H the Hessian.

    The decrease of the loss in one small step of gradient descent is proportional to |g|^2, the gradient flow.
    To remove a weight changes it, to first order, by -2 * weight * (H g); so the weights of the largest score,
    of either sign, are kept: their removal would lower the flow most. The loss is the mean cross-entropy of
    logits / 200 on the evidence's one batch.

    The pass is that of `snip`: train mode, own precision, dropout off, the network's own weights (none is
    initialised anew). With several rounds this is iterative GraSP: g and H are those of the weights still kept,
    and removed weights never return, although their score of zero is above the negative ones.

    Raises:
        PruningError: the evidence has no inputs or no targets, the network cannot run on them or is not twice
            differentiable, or the dense network's scores are all zero.

    Source: Wang, Zhang and Grosse, GraSP, ICLR 2020, arXiv 2002.07376, equations 8 and 9, algorithm 1.
    Differs from the published code: classifier weights are not drawn anew before scoring; gradient and product
    are of one and the same batch; the score has the opposite sign and the largest are kept instead of removed,
    which is the same ranking; the Hessian is that of the prunable weights, without biases and normalisation.
    """
    inputs, targets = labelled_batch(evidence, "grasp")
    twin = training_twin(module, evidence)

    def loss(logits: Tensor) -> Tensor:
        return functional.cross_entropy(logits / TEMPERATURE, targets.to(logits.device, copy=True))

    def score(masks: Masks) -> Scores:
        return informative(twin.flow_sensitivity(masks, inputs, loss), masks, "grasp")

    return score
