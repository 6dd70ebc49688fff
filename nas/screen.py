"""Screening: of many proposals, train the one whose structure promises most.

A guide (nas/guidance) is fitted on (features, validation accuracy) of the finished trials, chosen by its rank
correlation on trials it has not seen, and not heeded where it has none. With accuracy alone a proposal is valued by
its acquisition, expected improvement if nothing else is said; with other objectives by the hypervolume it is expected
to add to the measured front (nas/promise.py): what a network costs is known exactly from its masks, and an error that
training tells has a guide of its own. A random share of trials bypasses the screen, so that the guide's data are not
only its own choices.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.describing import Describer, Description
from nas.errors import NasError
from nas.genomes import CandidateSpace, Genes
from nas.guidance import ACQUISITIONS, SCENARIOS, Guidance, GuidanceSettings, accuracy, merit
from nas.lessons import Lessons, Teacher
from nas.objectives import OBJECTIVES
from nas.promise import Scales, promise
from nas.records import History, Proposal, Record
from nas.seeds import numpy_stream
from nas.strategies.chronicle import parents
from nas.tasks import Task
from predictors.beside import training_columns
from predictors.table import matrix
from pruning.dynamic import STATIC

Floats = NDArray[np.float64]

SURE = 1e-9
"""The least deviation of a belief."""


@dataclass(frozen=True)
class ScreenSettings:
    """How a search uses what its trials teach.

    Args:
        minimum: finished trials below which nothing is screened; at least 3.
        oversample: proposals among which the guide chooses.
        explore: share of trials that take the strategy's own choice unscreened, in [0, 1].
        guides: which guides compete (nas.guidance.GUIDES).
        acquisition: how a belief becomes a preference (nas.guidance.ACQUISITIONS).
    """

    minimum: int = 16
    oversample: int = 16
    explore: float = 0.2
    guides: tuple[str, ...] = ("process", "trees")
    acquisition: str = "expected_improvement"

    def __post_init__(self) -> None:
        if self.minimum < 3 or self.oversample < 1 or not 0.0 <= self.explore <= 1.0:
            raise NasError(
                f"screening needs minimum >= 3, oversample >= 1 and explore in [0, 1]; got "
                f"{self.minimum}, {self.oversample}, {self.explore}. Change the screening settings."
            )
        self.guidance()

    def guidance(self) -> GuidanceSettings:
        """Return what a guidance needs of it.

        Raises:
            NasError: a guide or the acquisition is not known.
        """
        return GuidanceSettings(minimum=self.minimum, guides=self.guides, acquisition=self.acquisition)


class Screen:
    """The predictor's seat in the search loop.

    Args:
        candidates: what genomes mean.
        task: whose training split gives data-driven masks their evidence.
        objectives: the study's objectives, `val_accuracy` first.
        settings: None switches screening off; candidates are still described for the record.
        device: where candidates train.
    """

    def __init__(
        self,
        candidates: CandidateSpace,
        task: Task,
        objectives: Sequence[str],
        settings: ScreenSettings | None = None,
        *,
        device: str = "cpu",
    ) -> None:
        self._candidates = candidates
        self._objectives = tuple(objectives)
        self._learned = tuple(name for name in objectives if OBJECTIVES[name].kind != "cost")
        self._scales = Scales(objectives, len(task.val))
        self.settings = settings
        self._describe = Describer(candidates, task, objectives, device).describe
        self._teacher = Teacher(lambda: Lessons(self._objectives, self._told, self._scales.points))
        self._guidances: list[Guidance] = []

    def describe(self, genes: Genes) -> Description:
        """Return what is known of a proposal before training; the last few thousand are remembered."""
        return self._describe(genes)

    def lessons(self, history: History) -> Lessons:
        """Return what the finished trials of a history teach."""
        return self._teacher.lessons(history)

    def active(self, history: History) -> bool:
        """Return whether there are enough finished trials to screen."""
        return self.settings is not None and len(parents(history)) >= self.settings.minimum

    def width(self, history: History, rng: np.random.Generator) -> int:
        """Return how many proposals to ask of the strategy: 1 when this trial is not screened."""
        if self.settings is None or not self.active(history) or rng.random() < self.settings.explore:
            return 1
        return self.settings.oversample

    def choose(self, history: History, proposals: Sequence[Genes]) -> Proposal:
        """Return the most promising of the proposals (the only one, unpredicted, when there is just one)."""
        start = time.perf_counter()
        described = [self.describe(genes) for genes in proposals]
        overhead = {"describe": time.perf_counter() - start}
        known = [i for i, description in enumerate(described) if not description.infeasible]
        if len(proposals) == 1 or not known:
            return _proposal(proposals[0], described[0], overhead)
        start = time.perf_counter()
        lessons = self.lessons(history)
        beliefs = self._beliefs(lessons, [described[i] for i in known])
        if beliefs is None:
            return _proposal(proposals[0], described[0], overhead)
        rng = numpy_stream(self._candidates.seed, f"acquisition/{len(history)}")
        values = self._values(*beliefs, [described[i] for i in known], lessons, rng)
        best = int(np.argmax(values))
        overhead["predict"] = time.perf_counter() - start
        return _proposal(proposals[known[best]], described[known[best]], overhead, accuracy(float(beliefs[0][0, best])))

    def _told(self, record: Record) -> Mapping[str, float]:
        return self._row(record.features, str(record.candidate.get("training", STATIC)))

    def _row(self, structure: Mapping[str, float], training: str) -> Mapping[str, float]:
        """Return what a guide knows of a candidate: its structure and, where trainings differ, which is its own."""
        return {**structure, **training_columns(training, self._candidates.sparsity.trainings)}

    def _beliefs(self, lessons: Lessons, described: Sequence[Description]) -> tuple[Floats, Floats] | None:
        """Return means and deviations (beliefs, m) of the merits of proposals: of accuracy, then of each error.

        None if no guide to accuracy is to be believed; an error without one is believed to be as measured so far.
        """
        assert self.settings is not None
        if len(lessons) < self.settings.minimum:
            return None
        if not self._guidances:
            self._guidances = [Guidance(self.settings.guidance(), lessons.names) for _ in self._learned]
        x = matrix([self._row(d.features, d.candidate.training) for d in described], lessons.names)
        beliefs = []
        for guidance, measured in zip(self._guidances, lessons.fractions.T, strict=True):
            merits = merit(measured)
            chosen = guidance.guide(lessons.x, merits)
            if chosen is not None:
                beliefs.append(chosen.guide.posterior(x))
            elif not beliefs:
                return None
            else:
                beliefs.append((np.full(len(x), merits.mean()), np.full(len(x), max(float(merits.std()), SURE))))
        means, deviations = zip(*beliefs, strict=True)
        return np.stack(means), np.stack(deviations)

    def _values(
        self,
        means: Floats,
        deviations: Floats,
        described: Sequence[Description],
        lessons: Lessons,
        rng: np.random.Generator,
    ) -> Floats:
        """Return what each proposal is worth, from the beliefs about its merits."""
        assert self.settings is not None
        if len(self._objectives) == 1:
            best = float(merit(lessons.fractions[:, 0]).max())
            return ACQUISITIONS[self.settings.acquisition](means[0], deviations[0], best, rng)
        weights, offsets = SCENARIOS[self.settings.acquisition](len(means), len(described), rng)
        reference = self._scales.reference(lessons.points)
        gains = [
            promise(self._points(accuracy(means + offset * deviations), described), lessons.front, reference)
            for offset in offsets
        ]
        return np.asarray(weights @ np.array(gains) / weights.sum())

    def _points(self, fractions: Floats, described: Sequence[Description]) -> Floats:
        """Return the points of proposals, if accuracy and 1 - error of each come to these fractions (beliefs, m)."""
        values = {
            name: fraction if OBJECTIVES[name].kind == "accuracy" else 1.0 - fraction
            for name, fraction in zip(self._learned, fractions, strict=True)
        }
        for name in self._objectives:
            if OBJECTIVES[name].kind == "cost":
                values[name] = np.array([description.costs[name] for description in described])
        return self._scales.points(np.stack([values[name] for name in self._objectives], axis=1))


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
