"""FORCE: the weights that matter in the pruned network, the removed ones given a chance to return."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from pruning.batch import informative, labelled_batch, training_twin
from pruning.evidence import Evidence
from pruning.scoring import Masks, Scorer, Scores


def force(module: nn.Module, evidence: Evidence) -> Scorer:
    """Return a scorer of |weight * d loss / d weight|: the derivative of the pruned network, the weight unpruned.

    A removed weight is zero in the pass, but has a derivative, and scores as much as it would move the loss if
    it came back; so each round chooses among all weights anew (`RETURNING`). One round is SNIP. The loss and
    the pass are those of `snip`. The paper uses 60 rounds or more.

    Raises:
        PruningError: the evidence has no inputs or no targets, the network cannot run on them, or the dense
            network's scores are all zero.

    Source: de Jorge, Sanyal, Behl, Torr, Rogez and Dokania, Progressive skeletonization, ICLR 2021, arXiv
    2006.09081 (foresight connection sensitivity, algorithm 1).
    Differs from the paper: one batch for all rounds; exact counts, equal scores decided.
    """
    inputs, targets = labelled_batch(evidence, "force")
    twin = training_twin(module, evidence)

    def loss(logits: Tensor) -> Tensor:
        return functional.cross_entropy(logits, targets.to(logits.device, copy=True))

    def score(masks: Masks) -> Scores:
        signed = informative(twin.sensitivity(masks, inputs, loss, of_removed=True), masks, "force")
        return {name: value.abs_() for name, value in signed.items()}

    return score
