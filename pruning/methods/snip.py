"""SNIP: the weights whose removal would change the loss most."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.dropout import _DropoutNd

from pruning.errors import PruningError
from pruning.evidence import Evidence
from pruning.scoring import Masks, Scorer, Scores
from pruning.twin import Twin, private_copy


def snip(module: nn.Module, evidence: Evidence) -> Scorer:
    """Return a scorer of |d loss / d mask| = |weight * d loss / d weight|, the connection sensitivity.

    The loss is the mean cross-entropy of the evidence's one batch. The pass is in train mode, in the network's
    own precision and on its device: normalisation uses the batch's statistics, as it will at the first training
    step. Dropout is off, so that the score has no noise. All of that happens in a private copy.

    Raises:
        PruningError: the evidence has no inputs or no targets, or the network cannot run on them.

    Source: Lee, Ajanthan and Torr, SNIP, ICLR 2019, arXiv 1810.02340, equations 4 to 6.
    Differs from the paper: the scores are not divided by their sum, which leaves the ranking as it is; the
    weights are the network's own, not a copy's that was initialised anew; masked weights never return when it is
    iterated.
    """
    inputs, targets = _batch(evidence)
    network = _without_dropout_(private_copy(module).train())
    seed = int(torch.randint(2**62, (), generator=evidence.generator, device="cpu"))
    twin = Twin(network, seed)

    def loss(logits: Tensor) -> Tensor:
        return functional.cross_entropy(logits, targets.to(logits.device, copy=True))

    def score(masks: Masks) -> Scores:
        return {name: signed.abs_() for name, signed in twin.sensitivity(masks, inputs, loss).items()}  # eq. 6

    return score


def _without_dropout_(network: nn.Module) -> nn.Module:
    for layer in network.modules():
        if isinstance(layer, _DropoutNd):
            layer.eval()
        elif isinstance(layer, (nn.MultiheadAttention, nn.RNNBase)):
            layer.dropout = 0.0
    return network


def _batch(evidence: Evidence) -> tuple[Tensor, Tensor]:
    if evidence.inputs is None or evidence.targets is None:
        missing = "inputs" if evidence.inputs is None else "targets"
        raise PruningError(
            f"snip must have a labelled batch; got no {missing} (evidence.{missing}). "
            f"Give training samples and their classes, or use a method without data: magnitude, random, synflow."
        )
    return evidence.inputs, evidence.targets
