"""What the driver knows of a candidate before it is trained: its structure and its costs, from masks alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from nas.candidates import Candidate
from nas.genomes import CandidateSpace, Genes
from nas.latency import latency_seconds
from nas.objectives import extras
from nas.realize import realize
from nas.tasks import TabularTask, Task
from predictors import features, multiply_adds
from pruning import PruningError

REMEMBERED = 4096
"""Descriptions that are kept, for proposals come again."""


@dataclass(frozen=True)
class Description:
    """A candidate's structure and costs, or why it has none."""

    candidate: Candidate
    digest: str
    features: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    infeasible: str = ""


class Describer:
    """Builds, masks and measures candidates, and remembers the last ones.

    Args:
        candidates: what genomes mean.
        task: whose training split gives data-driven masks their evidence.
        objectives: the study's; a latency among them is measured here too, on `device`.
        device: where candidates train.
    """

    def __init__(self, candidates: CandidateSpace, task: Task, objectives: Sequence[str], device: str = "cpu") -> None:
        self._candidates = candidates
        self._task = task
        self._timed = "latency_seconds" in extras(objectives)
        self._device = device
        self.describe = lru_cache(maxsize=REMEMBERED)(self._describe)

    def _describe(self, genes: Genes) -> Description:
        candidate, digest = self._candidates.decode(genes), self._candidates.digest(genes)
        if isinstance(self._task, TabularTask):
            return Description(candidate, digest, self._task.features(candidate), self._task.costs(candidate))
        try:
            module, masks = realize(candidate, self._task)
        except PruningError as error:
            return Description(candidate, digest, infeasible=str(error))
        shape = self._task.signature.input_shape
        costs = {"kept": float(masks.kept), "multiply_adds": float(multiply_adds(module, shape, masks))}
        structure = features(module, masks, shape)
        if self._timed:
            costs["latency_seconds"] = latency_seconds(module.to(self._device), masks, shape)
        return Description(candidate, digest, structure, costs)
