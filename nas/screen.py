"""Screening: of many proposals, train the one whose structure promises most.

A guide (nas/guidance) is fitted on (features, validation accuracy) of the finished trials, chosen by its rank
correlation on trials it has not seen, and not heeded where it has none. With accuracy alone a proposal is valued by
its expected improvement; with costs by the hypervolume it is expected to add to the measured front: what a network
costs is known exactly from its masks. A random share of trials bypasses the screen, so that the guide's data are not
only its own choices.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nas.candidates import Candidate
from nas.errors import NasError
from nas.genomes import CandidateSpace, Genes
from nas.guidance import Chosen, Guidance, GuidanceSettings, accuracy, merit
from nas.guidance.acquisition import expected_improvement
from nas.hypervolume import improvement, nondominated
from nas.outcomes import Outcome
from nas.realize import realize
from nas.records import History, Proposal, Record
from nas.tasks import TabularTask, Task
from predictors import features, multiply_adds
from predictors.beside import training_columns
from predictors.table import matrix
from pruning import PruningError
from pruning.dynamic import STATIC

Floats = NDArray[np.float64]

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
"""Of the Gauss-Hermite rule: expectations over a guide's belief, exact for polynomials of degree 9."""


@dataclass(frozen=True)
class ScreenSettings:
    """How a search uses what its trials teach.

    Args:
        minimum: finished trials below which nothing is screened; at least 3.
        oversample: proposals among which the guide chooses.
        explore: share of trials that take the strategy's own choice unscreened, in [0, 1].
        guides: which guides compete (nas.guidance.GUIDES).
    """

    minimum: int = 16
    oversample: int = 16
    explore: float = 0.2
    guides: tuple[str, ...] = ("process", "trees")

    def __post_init__(self) -> None:
        if self.minimum < 3 or self.oversample < 1 or not 0.0 <= self.explore <= 1.0:
            raise NasError(
                f"screening needs minimum >= 3, oversample >= 1 and explore in [0, 1]; got "
                f"{self.minimum}, {self.oversample}, {self.explore}. Change the screening settings."
            )


@dataclass(frozen=True)
class Description:
    """What the driver knows of a candidate before training: its structure and exact costs, or why it has none."""

    candidate: Candidate
    digest: str
    features: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    infeasible: str = ""


class Screen:
    """The predictor's seat in the search loop.

    Args:
        candidates: what genomes mean.
        task: whose training split gives data-driven masks their evidence.
        objectives: the study's objectives, `val_accuracy` among them.
        settings: None switches screening off; candidates are still described for the record.
    """

    def __init__(
        self,
        candidates: CandidateSpace,
        task: Task,
        objectives: Sequence[str],
        settings: ScreenSettings | None = None,
    ) -> None:
        self._candidates = candidates
        self._task = task
        self._objectives = tuple(objectives)
        self.settings = settings
        self._describe = lru_cache(maxsize=4096)(self._describe_uncached)
        self._guidance: Guidance | None = None
        self._rows: dict[int, Floats] = {}

    def active(self, history: History) -> bool:
        """Return whether there are enough finished trials to screen."""
        return self.settings is not None and len(_finished(history)) >= self.settings.minimum

    def width(self, history: History, rng: np.random.Generator) -> int:
        """Return how many proposals to ask of the strategy: 1 when this trial is not screened."""
        if self.settings is None or not self.active(history) or rng.random() < self.settings.explore:
            return 1
        return self.settings.oversample

    def choose(self, history: History, proposals: Sequence[Genes]) -> Proposal:
        """Return the most promising of the proposals (the only one, unpredicted, when there is just one)."""
        start = time.perf_counter()
        described = [self._describe(genes) for genes in proposals]
        overhead = {"describe": time.perf_counter() - start}
        known = [i for i, description in enumerate(described) if not description.infeasible]
        if len(proposals) == 1 or not known:
            return _proposal(proposals[0], described[0], overhead)
        start = time.perf_counter()
        chosen, names = self._guide(history)
        if chosen is None:
            return _proposal(proposals[0], described[0], overhead)
        rows = [self._row(described[i].features, described[i].candidate.training) for i in known]
        mean, deviation = chosen.guide.posterior(matrix(rows, names))
        values = self._values(mean, deviation, [described[i] for i in known], history)
        best = int(np.argmax(values))
        overhead["predict"] = time.perf_counter() - start
        return _proposal(proposals[known[best]], described[known[best]], overhead, accuracy(float(mean[best])))

    def _describe_uncached(self, genes: Genes) -> Description:
        candidate, digest = self._candidates.decode(genes), self._candidates.digest(genes)
        if isinstance(self._task, TabularTask):
            return Description(candidate, digest, self._task.features(candidate), self._task.costs(candidate))
        try:
            module, masks = realize(candidate, self._task)
        except PruningError as error:
            return Description(candidate, digest, infeasible=str(error))
        shape = self._task.signature.input_shape
        costs = {"kept": float(masks.kept), "multiply_adds": float(multiply_adds(module, shape, masks))}
        return Description(candidate, digest, features(module, masks, shape), costs)

    def _guide(self, history: History) -> tuple[Chosen | None, tuple[str, ...]]:
        """Return the guide to heed, or None, and the names of its columns."""
        finished = _finished(history)
        names = tuple(self._row(finished[0].features, STATIC))
        if self._guidance is None:
            assert self.settings is not None
            settings = GuidanceSettings(minimum=self.settings.minimum, guides=self.settings.guides)
            self._guidance = Guidance(settings, names)
        for record in finished:
            if record.number not in self._rows:  # so that a long history costs what is new in it
                row = self._row(record.features, str(record.candidate.get("training", STATIC)))
                self._rows[record.number] = matrix([row], names)[0]
        x = np.stack([self._rows[record.number] for record in finished])
        return self._guidance.guide(x, merit(np.array([_accuracy(record) for record in finished]))), names

    def _row(self, structure: Mapping[str, float], training: str) -> Mapping[str, float]:
        """Return what a guide knows of a candidate: its structure and, where trainings differ, which is its own."""
        return {**structure, **training_columns(training, self._candidates.sparsity.trainings)}

    def _values(self, mean: Floats, deviation: Floats, described: Sequence[Description], history: History) -> Floats:
        """Return what each proposal is expected to gain, from the belief about its merit."""
        if len(self._objectives) == 1:
            best = float(merit(np.array([_accuracy(record) for record in _finished(history)])).max())
            return expected_improvement(mean, deviation, best, np.random.default_rng(0))
        front, reference = self._measured(history), self._reference(history)
        gains = [
            promise(self._points(accuracy(mean + node * deviation), described), front, reference) for node in NODES
        ]
        return np.asarray(WEIGHTS @ np.array(gains) / WEIGHTS.sum())

    def _points(self, accuracies: NDArray[np.float64], described: Sequence[Description]) -> NDArray[np.float64]:
        rows = [
            [float(accuracy) if name == "val_accuracy" else d.costs[name] for name in self._objectives]
            for accuracy, d in zip(accuracies, described, strict=True)
        ]
        return self._maximised(np.array(rows))

    def _measured(self, history: History) -> NDArray[np.float64]:
        values = [record.values for record in _finished(history) if record.values is not None]
        return nondominated(self._maximised(np.array(values)))

    def _maximised(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Objectives (n, d) on the scales on which progress counts, every column to be maximised.

        Accuracy by the negative logarithm of the error, costs by their negative logarithm: halving the error of a
        network is worth as much as halving its size. Errors below half a validation image count as that.
        """
        floor = 0.5 / len(self._task.val)
        columns = [
            -np.log10(
                np.maximum(1.0 - values[:, i], floor) if name == "val_accuracy" else np.maximum(values[:, i], 1.0)
            )
            for i, name in enumerate(self._objectives)
        ]
        return np.stack(columns, axis=1)

    def _reference(self, history: History) -> NDArray[np.float64]:
        """The worst point that still counts: the median accuracy so far, and the dearest network, a tenth dearer.

        With chance accuracy as the reference most of the volume would lie among networks too small to be of use,
        and a search would spend its trials there.
        """
        values = self._maximised(np.array([r.values for r in _finished(history) if r.values is not None]))
        dearest = values.min(axis=0) - np.log10(1.1)
        return np.where([name == "val_accuracy" for name in self._objectives], np.median(values, axis=0), dearest)


def _proposal(
    genes: Genes, description: Description, overhead: Mapping[str, float], predicted: float | None = None
) -> Proposal:
    return Proposal(
        genes=genes,
        digest=description.digest,
        candidate=description.candidate,
        features=description.features,
        explored=predicted is None,
        prediction=predicted,
        overhead=overhead,
        infeasible=description.infeasible,
    )


def promise(
    points: NDArray[np.float64], front: NDArray[np.float64], reference: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how much each point (n, d) promises to add to the measured front (m, d), all maximised.

    Where a point adds hypervolume: that volume. Elsewhere: minus the shift, equal in every objective (each scaled
    by the front's extent), that would bring the point onto the front; so points short of the front stay ordered.
    """
    extent = np.maximum(front.max(axis=0) - reference, 1e-12)
    scaled, scaled_front, origin = (
        (points - reference) / extent,
        (front - reference) / extent,
        np.zeros(len(extent)),
    )
    gains = np.array([improvement(point, scaled_front, origin) for point in scaled])
    shortfall = (scaled_front[None] - scaled[:, None]).min(axis=2).max(axis=1)
    return np.where(gains > 1e-12, gains, -np.maximum(shortfall, 0.0))


def _finished(history: History) -> list[Record]:
    return [record for record in history if record.state == "finished" and record.features]


def _accuracy(record: Record) -> float:
    assert isinstance(record.outcome, Outcome)
    return record.outcome.val_accuracy
