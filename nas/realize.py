"""From a candidate to the masked network it stands for: one pure function, the same on driver and worker."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nas.candidates import Candidate, find_space
from nas.seeds import stream
from nas.tasks import Task
from pruning import Evidence, MaskSet, prune
from pruning.methods import READS_SAMPLES
from search_spaces import Signature

EVIDENCE_IMAGES_PER_CLASS = 10


Samples = Callable[[int, torch.Generator], tuple[Tensor, Tensor]]
"""(count, generator) -> normalised inputs and their targets, as `Task.evidence` gives them."""


def build(candidate: Candidate, signature: Signature) -> nn.Module:
    """Return the dense, initialised network on the CPU, from the candidate's "init" stream."""
    space = find_space(candidate.architecture.space)
    return space.build(candidate.architecture, signature, generator=stream(candidate.seed, "init"))


def realize(candidate: Candidate, task: Task) -> tuple[nn.Module, MaskSet]:
    """Return the network and its masks, both on the CPU; the network's weights are not masked yet.

    On the CPU whatever the task's device, so that the same candidate has the same mask everywhere.

    Raises:
        PruningError: the sparsity pattern cannot be had (fewer weights than layers, a score that is not finite).
    """
    return realize_from(candidate, task.signature, task.evidence)


def realize_from(candidate: Candidate, signature: Signature, samples: Samples) -> tuple[nn.Module, MaskSet]:
    """Return what `realize` returns; `samples` is called only if the pruning method looks at any.

    So a command that asks about one candidate need not read a data set that its method does not look at.
    """
    module = build(candidate, signature)
    inputs = targets = None
    if candidate.sparsity.method in READS_SAMPLES:
        count = EVIDENCE_IMAGES_PER_CLASS * signature.classes
        inputs, targets = samples(count, stream(candidate.seed, "evidence"))
    evidence = Evidence(signature.input_shape, stream(candidate.seed, "mask"), inputs, targets)
    return module, prune(module, candidate.sparsity, evidence)
