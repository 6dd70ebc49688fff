"""What the methods that look at one batch share: the batch, the copy it runs through, and a check of the scores."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from pruning.errors import PruningError
from pruning.evidence import Evidence
from pruning.scoring import Masks, Scores
from pruning.twin import Twin, private_copy

_WITHOUT_DATA = "use a method without data: magnitude, random, synflow"


def labelled_batch(evidence: Evidence, method: str) -> tuple[Tensor, Tensor]:
    """Return the evidence's inputs and targets.

    Raises:
        PruningError: the method has no inputs or no targets.
    """
    if evidence.inputs is None or evidence.targets is None:
        missing = "inputs" if evidence.inputs is None else "targets"
        raise PruningError(
            f"{method} must have a labelled batch; got no {missing} (evidence.{missing}). "
            f"Give training samples and their classes, or {_WITHOUT_DATA}."
        )
    return evidence.inputs, evidence.targets


def unlabelled_batch(evidence: Evidence, method: str) -> Tensor:
    """Return the evidence's inputs.

    Raises:
        PruningError: the method has no inputs.
    """
    if evidence.inputs is None:
        raise PruningError(
            f"{method} must have a batch; got no inputs (evidence.inputs). Give samples, or {_WITHOUT_DATA}."
        )
    return evidence.inputs


def training_twin(module: nn.Module, evidence: Evidence) -> Twin:
    """Return a private copy in the state of the first training step, less its noise.

    Train mode whatever the module's own, so that normalisation uses the batch's statistics; the network's own
    weights, precision and device; dropout off. Other random layers draw the same numbers at every pass, from a
    seed of the evidence's generator.
    """
    network = _without_dropout_(private_copy(module).train())
    return Twin(network, int(torch.randint(2**62, (), generator=evidence.generator, device="cpu")))


def informative(scores: Scores, masks: Masks, method: str) -> Scores:
    """Return the scores of a network, refused if the dense network's are all zero: a mask would be pure chance.

    Raises:
        PruningError: nothing is masked and every score is zero.
    """
    if not any(bool(score.any()) for score in scores.values()) and all(bool(mask.all()) for mask in masks.values()):
        raise PruningError(
            f"{method} must see a loss that depends on the weights; got a score of zero for all of them "
            f"(evidence.inputs). Look for a last layer of zeros, dead units or inputs of zeros, or {_WITHOUT_DATA}."
        )
    return scores


def _without_dropout_(network: nn.Module) -> nn.Module:
    for layer in network.modules():
        if isinstance(layer, _DropoutNd):
            layer.eval()
        elif isinstance(layer, (nn.MultiheadAttention, nn.RNNBase)):
            layer.dropout = 0.0
    return network
