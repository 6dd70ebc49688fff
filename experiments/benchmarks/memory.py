"""Memory of the driver and its workers over a thousand short trainings: does it grow?"""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from experiments.benchmarks.processes import children, resident_megabytes
from experiments.benchmarks.table import Table
from nas.candidates import find_space
from nas.events import Closed, Event
from nas.executors import Resources, Work, local
from nas.genomes import CandidateSpace, SparsityChoices
from nas.records import Header, open_records
from nas.screen import Screen
from nas.search import Search
from nas.strategies import STRATEGIES
from nas.tasks import load_task
from nas.training import Recipe
from nas.trial import TrialSettings, make_runner

MARKS = (50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000)
WINDOW = 50
WORKERS = 2
RECIPE = Recipe(epochs=1, batch_size=512, precision="float32")


def memory(folder: Path, say: Callable[[str], None]) -> Table:
    """Return megabytes of the driver and of each worker by the number of trials that have ended.

    The trials build, mask, train and validate their own networks; memory that processes share is not counted. A worker
    gives freed memory back once a second, so each figure is the least of the last `WINDOW` trials.
    """
    rows: list[dict[str, Any]] = []
    readings: deque[dict[int, float]] = deque(maxlen=WINDOW)
    closed = 0

    def note(event: Event) -> None:
        nonlocal closed
        if not isinstance(event, Closed):
            return
        closed += 1
        readings.append({pid: resident_megabytes(pid) for pid in (os.getpid(), *children(os.getpid()))})
        if closed in MARKS:
            driver, *workers = (round(min(one[pid] for one in readings), 1) for pid in readings[-1])
            rows.append({"trials": closed, "driver": driver, "least_worker": min(workers), "most_worker": max(workers)})
            say(f"{closed} trials: driver {driver} MB, workers {sorted(workers)} MB")

    task = load_task("digits", None)
    space = CandidateSpace(find_space("mlp"), SparsityChoices(methods=("random", "snip")), task.signature)
    header = Header("digits", "mlp", ("val_accuracy", "kept"), 0, "choices")
    work = Work(make_runner, TrialSettings(RECIPE), task)
    with tempfile.TemporaryDirectory() as out, closing(local(work, Resources(workers=WORKERS, threads=1))) as executor:
        records = open_records(Path(out) / "journal.log", "study", header, space.choices)
        screen = Screen(space, task, header.objectives)
        Search(STRATEGIES["evolution"], screen, executor, records, space, note).run(MARKS[-1])
    return Table("memory", _protocol(), rows, _summary(rows))


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return what each trial adds, over the second half: start-up and caches are in the first."""
    half = [row for row in rows if row["trials"] >= MARKS[-1] / 2]
    first, last = half[0], half[-1]
    trials = last["trials"] - first["trials"]
    return {
        f"kilobytes a trial, {name}": round(1024 * (last[name] - first[name]) / trials, 2)
        for name in ("driver", "least_worker", "most_worker")
    }


def _protocol() -> str:
    return (
        f"digits, mlp, evolution, unscreened, {MARKS[-1]} trials of one epoch of batches of {RECIPE.batch_size}, "
        f"{WORKERS} local workers of one thread; megabytes of memory that is a process's own, "
        f"the least of the last {WINDOW} trials"
    )
