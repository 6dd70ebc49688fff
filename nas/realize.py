"""From a candidate to the masked network it stands for: one pure function, the same on driver and worker."""

from __future__ import annotations

from torch import nn

from nas.candidates import Candidate, find_space
from nas.seeds import stream
from nas.tasks import Task
from pruning import Evidence, MaskSet, prune

EVIDENCE_IMAGES_PER_CLASS = 10


def build(candidate: Candidate, task: Task) -> nn.Module:
    """Return the dense, initialised network on the CPU, from the candidate's "init" stream."""
    space = find_space(candidate.architecture.space)
    return space.build(candidate.architecture, task.signature, generator=stream(candidate.seed, "init"))


def realize(candidate: Candidate, task: Task) -> tuple[nn.Module, MaskSet]:
    """Return the network and its masks, both on the CPU; the network's weights are not masked yet.

    On the CPU whatever the task's device, so that the same candidate has the same mask everywhere.

    Raises:
        PruningError: the sparsity pattern cannot be had (fewer weights than layers, a score that is not finite).
    """
    module = build(candidate, task)
    count = EVIDENCE_IMAGES_PER_CLASS * task.signature.classes
    inputs, targets = task.evidence(count, stream(candidate.seed, "evidence"))
    evidence = Evidence(task.signature.input_shape, stream(candidate.seed, "mask"), inputs, targets)
    return module, prune(module, candidate.sparsity, evidence)
