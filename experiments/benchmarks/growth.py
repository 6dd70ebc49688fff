"""Does a trial cost the driver as much after ten thousand as after a hundred? Everything but the training is real."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.processes import resident_megabytes
from experiments.benchmarks.scale import STRATEGY, answer
from experiments.benchmarks.simulated import Simulated
from experiments.benchmarks.table import Table
from nas.candidates import find_space
from nas.events import Event, Started
from nas.executors import Job
from nas.genomes import CandidateSpace, SparsityChoices
from nas.ladder import Ladder
from nas.records import Header, Proposal, Records, open_records
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


def growth(folder: Path, say: Callable[[str], None]) -> Table:
    """Return the driver's CPU time for a trial, by the number of records there are and by how candidates are chosen.

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
                row[f"{way}_milliseconds"] = study.cost(way)
            row["ladder_milliseconds"] = study.ladder_cost()
            row["journal_megabytes"] = round(journal.stat().st_size / 2**20, 1)
            row["driver_megabytes"] = round(resident_megabytes(os.getpid()))
            row["reopen_cpu_seconds"] = study.reopen()
            rows.append(row)
            say(f"{mark} records: {row}")
    ratios = {f"{way}: cost at {MARKS[-1]:,} records over that at {MARKS[0]}": _ratio(rows, way) for way in WAYS}
    return Table("growth", _protocol(), rows, ratios)


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

    def run(self, trials: int, way: str) -> list[float]:
        """Run until so many trials are finished; return the moments at which trials started."""
        moments: list[float] = []

        def note(event: Event) -> None:
            if isinstance(event, Started):
                moments.append(time.process_time())

        screen = Screen(self._space, self._task, self._header.objectives, WAYS[way])
        executor = Simulated(WORKERS, answer)
        Search(STRATEGIES[STRATEGY], screen, executor, self._records, self._space, note).run(trials)
        return moments

    def cost(self, way: str) -> float:
        """Return the median CPU milliseconds of the next trials."""
        finished = self._records.count("finished")
        moments = self.run(finished + WINDOW, way)
        return round(1e3 * float(statistics.median(np.diff(moments))), 1)

    def ladder_cost(self) -> float:
        """Return the CPU milliseconds that a ladder takes for one record more and its two decisions, the median."""
        history = self._records.history
        standing = LADDER.standing(history[:-WINDOW])
        costs = []
        for record in history[-WINDOW:]:
            start = time.process_time()
            standing.tell(record)
            standing.promotion()
            standing.climbers(len(history))
            costs.append(time.process_time() - start)
        return round(1e3 * statistics.median(costs), 2)

    def reopen(self) -> float:
        """Open the study anew, as a resumed driver does, and return the CPU seconds that took."""
        start = time.process_time()
        self._records = self._open()
        return round(time.process_time() - start, 2)

    def _open(self) -> Records:
        return open_records(self._journal, "study", self._header, self._space.choices)


def _ratio(rows: list[dict[str, Any]], way: str) -> float:
    first, last = (float(row[f"{way}_milliseconds"]) for row in (rows[0], rows[-1]))
    return round(last / first, 2)


def _protocol() -> str:
    return (
        f"digits, mlp, {STRATEGY}, objectives accuracy and kept weights, {WORKERS} workers in virtual time; medians of "
        f"the driver's CPU time between the starts of {WINDOW} trials, in a study filled up with random candidates; "
        f"screened: 16 proposals described, guides fitted anew as records come in; ladder: who is promoted and which "
        f"checkpoints are kept, for each trial"
    )
