"""SNIP without labels: every class is the target, equally."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pruning.batch import informative, training_twin, unlabelled_batch
from pruning.evidence import Evidence
from pruning.scoring import Masks, Scorer, Scores


def snip_unlabelled(module: nn.Module, evidence: Evidence) -> Scorer:
    """Return a scorer of |weight * d loss / d weight| for the cross-entropy with the uniform target 1 / classes.

    The loss is KL(uniform || softmax) plus a constant; its derivative in the logits is softmax - 1 / classes. It
    depends on no label, and the mask not on the order of the classes. The pass is that of `snip`; with several
    rounds removed weights never return.

    Raises:
        PruningError: the evidence has no inputs, the network cannot run on them, or the dense network's scores
            are all zero (as they are when its outputs are equal, above all zero).

    Source: Lee et al., A signal propagation perspective for pruning neural networks at initialization, ICLR 2020,
    arXiv 1906.06307 (pruning without supervision; the best of its losses without labels).
    """
    inputs = unlabelled_batch(evidence, "snip_unlabelled")
    twin = training_twin(module, evidence)

    def loss(logits: Tensor) -> Tensor:
        classes = logits.shape[1]
        return functional.cross_entropy(logits, torch.full_like(logits, 1 / classes))

    def score(masks: Masks) -> Scores:
        signed = informative(twin.sensitivity(masks, inputs, loss), masks, "snip_unlabelled")
        return {name: value.abs_() for name, value in signed.items()}

    return score
