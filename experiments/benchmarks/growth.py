"""Does a trial cost the driver as much after ten thousand as after a hundred? Everything but the training is real."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.processes import resident_megabytes
from experiments.benchmarks.scale import STRATEGY, answer
from experiments.benchmarks.simulated import Simulated
from experiments.benchmarks.table import Table
from nas.candidates import find_space
from nas.describing import Description
from nas.events import Event, Started
from nas.executors import Job
from nas.genomes import CandidateSpace, Genes, SparsityChoices
from nas.guidance import GUIDES, Guidance, merit
from nas.ladder import Ladder, Sweep
from nas.records import Header, History, Proposal, Records, open_records
from nas.screen import Screen, ScreenSettings
from nas.search import Search
from nas.strategies import STRATEGIES
from nas.tasks import load_task

MARKS = (100, 1_000, 10_000)
"""Finished trials at which the next ones are looked at."""
WINDOW = 30
TEMPLATES = 200
WORKERS = 8
WAYS: dict[str, ScreenSettings | None] = {"unscreened": None, "screened": ScreenSettings(explore=0.0)}
LADDER = Ladder((1, 3, 9))
PROPOSERS = ("evolution", "genetic", "local_search", "regularised_evolution", "random")


def growth(folder: Path, say: Callable[[str], None]) -> Table:
    """Return the driver's CPU time for a trial, by the number of records there are and by how candidates are chosen.

    Describing proposals is a column of its own: it depends on which networks are proposed, and these grow in a search.

    One study is filled up to each mark with random candidates; then a few trials are proposed, built, described and
    recorded in either way. The medians of these are the rows, with what a ladder's decisions would cost beside them
    (who is promoted, which checkpoints are kept), the size of the journal, the driver's memory and the time to open the
    study again.
    """
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as out:
        journal = Path(out) / "journal.log"
        study = _Study(journal)
        for mark in MARKS:
            study.fill(mark)
            row: dict[str, Any] = {"records": mark}
            for way in WAYS:
                names = (f"{way}_milliseconds", f"{way}_describing_milliseconds", f"{way}_deciding_milliseconds")
                row |= zip(names, study.cost(way), strict=True)
            del row["unscreened_deciding_milliseconds"]
            row["refitting_milliseconds"] = study.refitting_cost()
            row |= {f"{name}_milliseconds": study.proposal_cost(name) for name in PROPOSERS}
            row["ladder_milliseconds"] = study.ladder_cost()
            row["journal_megabytes"] = round(journal.stat().st_size / 2**20, 1)
            row["driver_megabytes"] = round(resident_megabytes(os.getpid()))
            row["reopen_cpu_seconds"] = study.reopen()
            rows.append(row)
            say(f"{mark} records: {row}")
    return Table("growth", _protocol(), rows, _ratios(rows))


class _Timed(Screen):
    """A screen that knows how much CPU time it took, and how much of that for describing proposals."""

    seconds = 0.0
    describing = 0.0

    def describe(self, genes: Genes) -> Description:
        """Describe as any screen, and add up the time."""
        start = time.process_time()
        described = super().describe(genes)
        self.describing += time.process_time() - start
        return described

    def choose(self, history: History, proposals: Sequence[Genes]) -> Proposal:
        """Choose as any screen, and add up the time."""
        start = time.process_time()
        chosen = super().choose(history, proposals)
        self.seconds += time.process_time() - start
        return chosen


class _Study:
    """A study whose trials train in virtual time, and what its driver's next trials cost."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._task = load_task("digits", None)
        sparsity = SparsityChoices(methods=("random",))
        self._space = CandidateSpace(find_space("mlp"), sparsity, self._task.signature)
        self._header = Header("digits", "mlp", ("val_accuracy", "kept"), 0, "choices")
        self._records = self._open()

    def fill(self, trials: int) -> None:
        """Record random candidates up to a number of finished trials, each with the features and costs of a template:
        describing them all would take longer than what is to be measured.
        """
        rng = np.random.default_rng(trials)
        while (finished := self._records.count("finished")) < trials:
            genes, template = self._space.random(rng), self._templates[finished % TEMPLATES]
            digest, candidate = self._space.digest(genes), self._space.decode(genes)
            record = self._records.open(replace(template, genes=genes, digest=digest, candidate=candidate))
            self._records.close(record.number, answer(Job(finished, template.candidate))[1])

    @cached_property
    def _templates(self) -> list[Proposal]:
        rng = np.random.default_rng(0)
        screen = Screen(self._space, self._task, self._header.objectives)
        return [screen.choose([], [self._space.random(rng)]) for _ in range(TEMPLATES)]

    def run(self, trials: int, way: str) -> list[tuple[float, float, float]]:
        """Run until so many trials are finished; return, at the start of each, the CPU seconds so far in all, in the
        screen's building, masking and describing candidates, and in the rest of the screen.
        """
        moments: list[tuple[float, float, float]] = []
        screen = _Timed(self._space, self._task, self._header.objectives, WAYS[way])

        def note(event: Event) -> None:
            if isinstance(event, Started):
                moments.append((time.process_time(), screen.describing, screen.seconds - screen.describing))

        executor = Simulated(WORKERS, answer)
        Search(STRATEGIES[STRATEGY], screen, executor, self._records, self._space, note).run(trials)
        return moments

    def cost(self, way: str) -> tuple[float, float, float]:
        """Return the median CPU milliseconds of the next trials without what the screen does, of its describing, and
        of its deciding.
        """
        finished = self._records.count("finished")
        every, describing, deciding = np.diff(np.array(self.run(finished + WINDOW, way)), axis=0).T
        own, described, decided = (float(np.median(s)) for s in (every - describing - deciding, describing, deciding))
        return round(1e3 * own, 2), round(1e3 * described, 1), round(1e3 * decided, 2)

    def refitting_cost(self) -> float:
        """Return the CPU milliseconds of fitting the guides that compete, for each record that a fit serves."""
        chronicle = self._records.chronicle
        screen = Screen(self._space, self._task, self._header.objectives, WAYS["screened"])
        settings = ScreenSettings().guidance()
        lessons = screen.lessons(chronicle)
        guidance = Guidance(settings, lessons.names)
        rows = guidance.fitted_rows(len(lessons))
        serves = next(more for more in count(1) if guidance.fitted_rows(rows + more) != rows)
        x, y = lessons.x[:rows], merit(lessons.fractions[:rows, 0])
        start = time.process_time()
        for name in settings.guides:
            GUIDES[name](lessons.names, 0).fit(x, y)
        return round(1e3 * (time.process_time() - start) / serves, 1)

    def proposal_cost(self, name: str) -> float:
        """Return the CPU milliseconds of a strategy's proposal, the median of many.

        Each is made twice, the second is timed: whether a network is feasible is remembered by its architecture.
        """
        costs = []
        for seed in range(WINDOW):
            for _ in range(2):
                start = time.process_time()
                STRATEGIES[name](self._space, self._records.chronicle, 1, np.random.default_rng(seed))
                cost = time.process_time() - start
            costs.append(cost)
        return round(1e3 * statistics.median(costs), 2)

    def ladder_cost(self) -> float:
        """Return the CPU milliseconds that a ladder takes for one record more and its two decisions, the mean of many.

        Nobody was promoted in this study, so a third of all waits for it: more than in any that was searched.
        """
        history = self._records.history
        new = history[-len(history) // 10 :]
        standing = LADDER.standing(history[: -len(new)])
        standing.promotion()
        sweep = Sweep(self._journal.parent / "checkpoints", standing)
        sweep.after(0, len(history))
        start = time.process_time()
        for record in new:
            standing.tell(record)
            standing.promotion()
            sweep.after(1, len(history))
        return round(1e3 * (time.process_time() - start) / len(new), 2)

    def reopen(self) -> float:
        """Open the study anew, as a resumed driver does, and return the CPU seconds that took."""
        start = time.process_time()
        self._records = self._open()
        return round(time.process_time() - start, 2)

    def _open(self) -> Records:
        return open_records(self._journal, "study", self._header, self._space.choices)


def _ratios(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return what the last mark costs over the first: proposing and recording, and a screened trial in all."""
    parts = {
        "unscreened, without describing": ("unscreened",),
        "screened, without describing": ("screened", "screened_deciding", "refitting"),
        "screened, in all": ("screened", "screened_describing", "screened_deciding", "refitting"),
    }
    sums = {
        name: [sum(float(row[f"{part}_milliseconds"]) for part in those) for row in (rows[0], rows[-1])]
        for name, those in parts.items()
    }
    between = f"cost at {rows[-1]['records']:,} records over that at {rows[0]['records']:,}"
    return {f"{name}: {between}": round(last / first, 2) for name, (first, last) in sums.items()}


def _protocol() -> str:
    return (
        f"digits, mlp, {STRATEGY}, objectives accuracy and kept weights, {WORKERS} workers in virtual time; medians of "
        f"the driver's CPU time between the starts of {WINDOW} trials, in a study filled up with random candidates: "
        f"without the screen, in its describing (building, masking, features) and in its deciding (guides, choice); "
        f"screened: 16 proposals described; refitting: fitting both guides, for each record that a fit serves; "
        f"ladder: who is promoted and which "
        f"checkpoints are kept, for each trial"
    )
