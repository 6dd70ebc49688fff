"""SNIP: the weights whose removal would change the loss most."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from pruning.batch import informative, labelled_batch, training_twin
from pruning.evidence import Evidence
from pruning.scoring import Masks, Scorer, Scores


def snip(module: nn.Module, evidence: Evidence) -> Scorer:
    """Return a scorer of |d loss / d mask| = |weight * d loss / d weight|, the connection sensitivity.

    The loss is the mean cross-entropy of the evidence's one batch. The pass is in train mode, in the network's
    own precision and on its device: normalisation uses the batch's statistics, as it will at the first training
    step. Dropout is off, so that the score has no noise. All of that happens in a private copy.

    With several rounds this is iterative SNIP; removed weights score nothing and never return (`force` lets
    them).

    Raises:
        PruningError: the evidence has no inputs or no targets, the network cannot run on them, or the dense
            network's scores are all zero.

    Source: Lee, Ajanthan and Torr, SNIP, ICLR 2019, arXiv 1810.02340, equations 4 to 6; iterated: de Jorge et
    al., ICLR 2021, arXiv 2006.09081 (iterative SNIP).
    Differs from the paper: the scores are not divided by their sum, which leaves the ranking as it is; the
    weights are the network's own, not a copy's that was initialised anew.
    """
    inputs, targets = labelled_batch(evidence, "snip")
    twin = training_twin(module, evidence)

    def loss(logits: Tensor) -> Tensor:
        return functional.cross_entropy(logits, targets.to(logits.device, copy=True))

    def score(masks: Masks) -> Scores:
        signed = informative(twin.sensitivity(masks, inputs, loss), masks, "snip")
        return {name: value.abs_() for name, value in signed.items()}  # eq. 6

    return score
