"""`sparsenas reproduce reber-whole`: one seed of the whole experiment, timed, and its accuracy on longer strings."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from experiments.benchmarks.table import Table
from experiments.reproduce.reber.networks import CELLS
from experiments.reproduce.reber.run import RECIPE, blocks, trained
from nas.executors import cores
from nas.outcomes import Outcome
from nas.tasks import Task, load_task
from nas.tasks.reber import extrapolation_corpus, reber_corpus
from nas.tasks.reber.shortcuts import shortcuts
from predictors.evaluation import over_rows

NETWORKS = "reber_long.csv"
SEED = 0


@dataclass(frozen=True, slots=True)
class Longer:
    """One trained network on the test strings, and on strings longer than any it was trained on; NaN if it diverged."""

    family: str
    graph: int
    cell: str
    seed: int
    accuracy: float
    long_accuracy: float


@dataclass(frozen=True, slots=True)
class Timed:
    """The networks of one cell, and what training and testing them took: wall and processor's seconds."""

    networks: list[Longer]
    seconds: float
    cpu_seconds: float


def reber_whole(folder: Path, say: Callable[[str], None], cells: Sequence[str] = CELLS, seed: int = SEED) -> Table:
    """Return one row a cell and one for all: seconds of training 200 networks, accuracy on test and on longer strings.

    The same graphs, recipe and seed as `sparsenas reproduce reber`, of which this is one fifth without the twins: 800
    networks, 15 epochs of 18,688 strings. Every network stands in `reber_long.csv`. All cores are used.
    """
    torch.set_num_threads(cores())
    task = load_task("reber")
    found = {cell: timed(cell, seed, task, say) for cell in cells}
    _write(folder / NETWORKS, [row for part in found.values() for row in part.networks])
    rows = [_row(cell, part.networks, part.seconds, part.cpu_seconds) for cell, part in found.items()]
    whole = [row for part in found.values() for row in part.networks]
    totals = [sum(getattr(part, name) for part in found.values()) for name in ("seconds", "cpu_seconds")]
    longer = task.measure("long_error").split
    return Table(
        "reber_whole",
        f"{RECIPE.epochs} epochs of {len(task.train) // RECIPE.batch_size * RECIPE.batch_size} strings a network, "
        f"seed {seed}, {cores()} cores; longer strings: {len(longer)} of 30 to 100 letters; intervals: 95 % bootstrap "
        f"over graphs",
        [*rows, _row("all", whole, *totals)],
        {"minutes": totals[0] / 60, "cpu_minutes": totals[1] / 60, **rules()},
    )


def rules() -> dict[str, dict[str, float]]:
    """Return what rules without the grammar reach, beside which accuracies must be read: on test and longer strings."""
    train, _, test = reber_corpus("reber")
    return {"shortcuts": shortcuts(train, test), "shortcuts_longer": shortcuts(train, extrapolation_corpus("reber"))}


def timed(cell: str, seed: int, task: Task, say: Callable[[str], None]) -> Timed:
    """Train the 200 graphs of one cell, no twins, and measure them."""
    start, cpu = time.perf_counter(), time.process_time()
    networks = []
    for _, _, twins, members in blocks([seed], [cell]):
        if twins:
            continue
        for row, outcome in trained(members, cell, seed, task, RECIPE, measures=("long_error",)):
            error = outcome.measures["long_error"] if isinstance(outcome, Outcome) else float("nan")
            networks.append(Longer(row.family, row.graph, cell, seed, row.accuracy, 1.0 - error))
        say(f"{cell}: {len(networks)} networks, {time.perf_counter() - start:.0f} s")
    return Timed(networks, time.perf_counter() - start, time.process_time() - cpu)


def _row(cell: str, networks: Sequence[Longer], seconds: float, cpu_seconds: float) -> dict[str, Any]:
    pairs = np.array([(row.accuracy, row.long_accuracy) for row in networks if np.isfinite(row.accuracy)])
    short, longer = pairs.T
    mean = over_rows(lambda chosen: float(longer[chosen].mean()), range(len(longer)), np.random.default_rng(0))
    return {
        "cell": cell,
        "networks": len(networks),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "accuracy": round(float(short.mean()), 4),
        "long_accuracy": round(mean.mean, 4),
        "long_low": round(mean.low, 4),
        "long_high": round(mean.high, 4),
        "long_best": round(float(longer.max()), 4),
        "spearman": round(float(stats.spearmanr(short, longer).statistic), 4),
    }


def _write(file: Path, rows: Sequence[Longer]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, [field.name for field in fields(Longer)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
