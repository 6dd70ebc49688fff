"""What the search loop itself costs: everything but training, for each trial, from a search's own records."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from experiments.benchmarks.table import Table
from experiments.config import SearchConfig
from experiments.run_directory import driving
from experiments.searching import prepare, run_search
from nas.outcomes import Outcome

TRIALS = 40
EPOCHS = 8


def overhead(folder: Path, say: Callable[[str], None]) -> Table:
    """Return one row for each trial: seconds spent proposing, describing, predicting and recording it.

    `propose` is the strategy's call, `describe` building, masking and measuring the proposals (16 of them when
    the trial is screened), `predict` refitting the predictor and ranking, `record` writing to the journal.
    """
    with tempfile.TemporaryDirectory() as out:
        config = SearchConfig(trials=TRIALS, epochs=EPOCHS, workers=1, threads_per_trial=1, name="run", out=Path(out))
        with driving(config.folder) as run:
            history = run_search(prepare(config, run), lambda event: None)
    rows = []
    for record in history:
        trained = record.outcome.seconds if isinstance(record.outcome, Outcome) else 0.0
        steps = {step: record.overhead.get(step, 0.0) for step in ("propose", "describe", "predict", "record")}
        rows.append({"trial": record.number, "screened": not record.explored, "train": trained, **steps})
    own = [sum(float(row[step]) for step in ("propose", "describe", "predict", "record")) for row in rows]
    screened = [cost for cost, row in zip(own, rows, strict=True) if row["screened"]]
    free = [cost for cost, row in zip(own, rows, strict=True) if not row["screened"]]
    training = sum(float(row["train"]) for row in rows)
    summary = {
        "median_seconds_unscreened": statistics.median(free),
        "median_seconds_screened": statistics.median(screened),
        "median_training_seconds": statistics.median(float(row["train"]) for row in rows),
        "share_of_own_cost": sum(own) / (sum(own) + training),
    }
    say(f"own cost {sum(own):.1f} s of {sum(own) + training:.1f} s")
    return Table(
        "overhead", f"digits, convnet, {TRIALS} trials of {EPOCHS} epochs, one worker, one thread", rows, summary
    )
