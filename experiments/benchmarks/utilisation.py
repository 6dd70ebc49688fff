"""Are real workers on Ray kept busy? Two of them, by the clock on the wall."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

from experiments import short_trials
from experiments.benchmarks.table import Table
from experiments.timed_trials import Timed, make_timed_runner, spans_of
from nas.candidates import find_space
from nas.executors import EXECUTORS, Resources, Work
from nas.genomes import CandidateSpace, SparsityChoices
from nas.records import Header, open_records
from nas.screen import Screen
from nas.search import Search
from nas.strategies import STRATEGIES
from nas.tasks import load_task
from nas.training import Recipe
from nas.trial import TrialSettings, make_runner

WORKERS = 2
TRIALS = 20
SLEEP_SECONDS = 10.0
"""The longest; trials that sleep last half of it on average, and take no core from the driver."""
EPOCHS = 12
AIM = 0.95

Spans = Mapping[int, Sequence[tuple[float, float]]]


def utilisation(folder: Path, say: Callable[[str], None]) -> Table:
    """Return one row for trials that sleep and one for trials that train: how busy the workers were.

    Busy is a worker while it is in a trial. In the steady state that is its share of the time from when all workers are
    in their first trial to when the last trial was handed out; with the start it is the share of all the time from when
    the executor was asked for to the end of the last trial.
    """
    rows = []
    for trials in ("sleep", "train"):
        rows.append(_measure(trials))
        say(f"{rows[-1]}")
    summary = {f"{row['trials']}: seconds of a trial for 95 %": row["seconds_for_95"] for row in rows}
    return Table("utilisation", _protocol(), rows, summary)


def _measure(trials: str) -> dict[str, Any]:
    task = load_task("digits", None)
    space = CandidateSpace(
        find_space("convnet"), SparsityChoices(methods=("random",)), task.signature, max_multiply_adds=1_000_000
    )
    header = Header("digits", "convnet", ("val_accuracy", "kept"), 0, "choices")
    with tempfile.TemporaryDirectory() as out:
        file = Path(out) / "spans"
        sleeping = Timed(short_trials.make_runner, SLEEP_SECONDS, file)
        training = Timed(make_runner, TrialSettings(Recipe(epochs=EPOCHS)), file)
        work = Work(make_timed_runner, sleeping if trials == "sleep" else training, task)
        records = open_records(Path(out) / "journal.log", "study", header, space.choices)
        screen = Screen(space, task, header.objectives)
        asked = time.monotonic()
        with closing(EXECUTORS["ray"](work, Resources(workers=WORKERS, threads=1))) as executor:
            Search(STRATEGIES["evolution"], screen, executor, records, space).run(TRIALS)
        found = spans_of(file)
    return {"trials": trials, **busy(found, asked)}


def busy(spans: Spans, asked: float) -> dict[str, float]:
    """Return how busy workers were that began and ended trials at these moments, of one clock.

    Args:
        spans: worker -> start and end of its trials, in order.
        asked: when the workers were asked for.
    """
    first = max(found[0][0] for found in spans.values())
    last = max(found[-1][0] for found in spans.values())
    end = max(found[-1][1] for found in spans.values())
    steady = [_overlap(found, first, last) / (last - first) for found in spans.values()]
    gaps = [b[0] - a[1] for found in spans.values() for a, b in pairwise(found)]
    gap = statistics.mean(gaps)
    whole = [_overlap(found, asked, end) / (end - asked) for found in spans.values()]
    return {
        "seconds": round(statistics.mean(b - a for found in spans.values() for a, b in found), 2),
        "gap_milliseconds": round(1e3 * gap, 1),
        "least_busy": round(min(steady), 4),
        "most_busy": round(max(steady), 4),
        "with_start": round(statistics.mean(whole), 4),
        "start_seconds": round(first - asked, 1),
        "seconds_for_95": round(gap * AIM / (1.0 - AIM), 1),
    }


def _overlap(spans: Sequence[tuple[float, float]], start: float, end: float) -> float:
    return sum(max(0.0, min(b, end) - max(a, start)) for a, b in spans)


def _protocol() -> str:
    return (
        f"digits, convnet (at most 1,000,000 multiply-adds), evolution, unscreened, {TRIALS} trials on {WORKERS} Ray "
        f"workers of one thread, which share the machine's cores with the driver; train: {EPOCHS} epochs; sleep: up to "
        f"{SLEEP_SECONDS:g} s without using a core; seconds of wall time; gap: from a trial's end to the start of the "
        f"worker's next one; seconds_for_95: trials of that length would keep a worker busy for {AIM:.0%} of the time"
    )
