"""Does one driver feed a cluster? Utilisation of simulated workers, and the driver's cost at long histories."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.simulated import Simulated
from experiments.benchmarks.table import Table
from nas.candidates import find_space
from nas.events import Event, Started
from nas.executors import Job
from nas.genomes import CandidateSpace, SparsityChoices
from nas.outcomes import Outcome
from nas.records import Header, open_records
from nas.screen import Screen
from nas.search import Search
from nas.strategies import STRATEGIES
from nas.tasks import load_task

RUNS = ((64, 1024), (1024, 3072))
"""Workers and trials."""
STRATEGY = "evolution"
MEDIAN_SECONDS = 60.0
SPREAD = 1.0
"""Training times are log-normal: one in a hundred lasts ten times the median."""


def scale(folder: Path, say: Callable[[str], None]) -> Table:
    """Return, for each number of workers: utilisation, and the driver's cost of a trial early and late.

    The driver does all it always does (proposes, builds, masks and describes each candidate, writes the journal);
    only the training is simulated, in virtual time.
    """
    rows = [_measure(workers, trials, say) for workers, trials in RUNS]
    summary = {f"utilisation with {row['workers']} workers": row["utilisation"] for row in rows}
    return Table(
        "scale",
        f"digits, mlp, {STRATEGY}, unscreened; training times log-normal, median {MEDIAN_SECONDS:g} s, sigma "
        f"{SPREAD:g}, in virtual time; the driver's time is its CPU time; costs are medians over a tenth of the trials",
        rows,
        summary,
    )


def _measure(workers: int, trials: int, say: Callable[[str], None]) -> dict[str, Any]:
    task = load_task("digits", None)
    candidates = CandidateSpace(find_space("mlp"), SparsityChoices(methods=("random",)), task.signature)
    header = Header("digits", "mlp", ("val_accuracy", "kept"), 0, "choices")
    moments: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, Started):
            moments.append(time.process_time())
            if len(moments) % 256 == 0:
                say(f"{workers} workers: {len(moments)} of {trials} trials")

    executor = Simulated(workers, answer)
    with tempfile.TemporaryDirectory() as out:
        records = open_records(Path(out) / "journal.log", "study", header, candidates.choices)
        screen = Screen(candidates, task, header.objectives)
        Search(STRATEGIES[STRATEGY], screen, executor, records, candidates, note).run(trials)
    costs = np.diff(moments)
    tenth = max(1, len(costs) // 10)
    return {
        "workers": workers,
        "trials": trials,
        "utilisation": round(executor.utilisation(), 4),
        "virtual_hours": round(executor.clock / 3600, 3),
        "first_tenth_milliseconds": round(1e3 * float(statistics.median(costs[:tenth])), 2),
        "last_tenth_milliseconds": round(1e3 * float(statistics.median(costs[-tenth:])), 2),
    }


def answer(job: Job) -> tuple[float, Outcome]:
    """Return how long a candidate trains, drawn from a log-normal distribution, and what comes of it."""
    rng = np.random.default_rng(job.identity)
    density = job.candidate.sparsity.density
    accuracy = 0.5 + 0.3 * density**0.2 + 0.02 * float(rng.standard_normal())
    seconds = MEDIAN_SECONDS * float(np.exp(SPREAD * rng.standard_normal()))
    kept = max(1, round(100_000 * density))
    return seconds, Outcome(min(accuracy, 1.0), (), 1, seconds, kept=kept, total=100_000, multiply_adds=kept)
