"""What climbing rungs saves: the same candidates trained to the end, all of them or only the best of each rung."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from scipy import stats

from experiments.benchmarks.fidelity_figure import draw
from experiments.benchmarks.paired import paired_difference
from experiments.benchmarks.table import Table
from nas.candidates import find_space
from nas.executors import Job, Resources, Work, local
from nas.genomes import CandidateSpace, SparsityChoices, density_grid
from nas.ladder import Ladder
from nas.outcomes import Failure, Outcome
from nas.records import Header, Record, open_records
from nas.screen import Screen
from nas.search import Search
from nas.strategies import STRATEGIES
from nas.tasks import Task, load_task
from nas.training import recipe_for
from nas.trial import TrialSettings, run_trial

SEEDS = tuple(range(5))
TRIALS = 18
RUNGS = (1, 3, 9)
ARMS = {"all to the end": RUNGS[-1:], "rungs 1, 3, 9": RUNGS}
WHOLE, LADDER = ARMS
MIN_DENSITY, MAX_DENSITY = 0.05, 0.3
BATCH = 64
MAX_MULTIPLY_ADDS = 150_000
"""Of the dense network."""

Row = Mapping[str, Any]


def fidelity(folder: Path, say: Callable[[str], None]) -> Table:
    """Return one row for each training; the summary holds the paired differences of searches of the same seed.

    Both searches of a pair draw the same candidates in the same order. Finished searches are kept in
    `fidelity.jsonl` in the folder, and not run again by the same command.
    """
    from experiments.reproduce.resumed import resumed  # here, as reproductions are made of benchmarks

    parts = [f"{arm}/{seed}" for seed in SEEDS for arm in ARMS]
    rows = list(resumed(folder / "fidelity.jsonl", parts, _search, say))
    draw(rows, (WHOLE, LADDER), RUNGS[-1], folder / "fidelity.png")
    return Table("fidelity", _protocol(), rows, _summary(rows))


def make_timed_runner(settings: TrialSettings, task: Task) -> Callable[[Job], Outcome | Failure]:
    """Return the runner of trials whose `seconds` are CPU time, which other processes disturb less."""

    def run(job: Job) -> Outcome | Failure:
        start = time.process_time()
        result = run_trial(job, task, settings)
        return replace(result, seconds=time.process_time() - start)

    return run


def _search(part: str) -> list[dict[str, Any]]:
    arm, _, seed = part.partition("/")
    task = load_task("digits", None)
    sparsity = SparsityChoices(densities=density_grid(MIN_DENSITY, MAX_DENSITY))
    space = CandidateSpace(
        find_space("convnet_small"), sparsity, task.signature, seed=int(seed), max_multiply_adds=MAX_MULTIPLY_ADDS
    )
    header = Header("digits", "convnet_small", ("val_accuracy",), int(seed), "choices")
    settings = TrialSettings(recipe_for("digits", epochs=RUNGS[-1], batch_size=BATCH, evaluate_every=1))
    with tempfile.TemporaryDirectory() as out:
        records = open_records(Path(out) / "journal.log", "study", header, space.choices)
        ladder = Ladder(ARMS[arm], checkpoints=Path(out) / "checkpoints")
        screen = Screen(space, task, header.objectives)
        with closing(local(Work(make_timed_runner, settings, task), Resources(workers=0, threads=1))) as executor:
            search = Search(STRATEGIES["random"], screen, executor, records, space, ladder=ladder)
            return [_row(arm, int(seed), record) for record in search.run(TRIALS)]


def _row(arm: str, seed: int, record: Record) -> dict[str, Any]:
    result = record.outcome
    curve = result.curve if isinstance(result, Outcome) else ()
    return {
        "arm": arm,
        "seed": seed,
        "candidate": record.digest,
        "epochs": ARMS[arm][record.rung],
        "cpu_seconds": round(result.seconds, 3) if result else 0.0,
        "val_accuracy": round(result.val_accuracy, 6) if isinstance(result, Outcome) else "",
        "val_accuracies": " ".join(f"{epoch.val_accuracy:.4f}" for epoch in curve),
    }


def best_of(rows: Sequence[Row]) -> float:
    """Return the highest accuracy of a candidate that was trained to the end."""
    return max(float(row["val_accuracy"]) for row in rows if row["epochs"] == RUNGS[-1] and row["val_accuracy"] != "")


def best_within(rows: Sequence[Row], seconds: float) -> float:
    """Return the highest accuracy of a candidate trained to the end before `seconds` had been spent; 0 if none was."""
    best = spent = 0.0
    for row in rows:
        spent += row["cpu_seconds"]
        if spent <= seconds and row["epochs"] == RUNGS[-1] and row["val_accuracy"] != "":
            best = max(best, float(row["val_accuracy"]))
    return best


def _summary(rows: Sequence[Row]) -> dict[str, Any]:
    runs = {(arm, seed): [r for r in rows if (r["arm"], r["seed"]) == (arm, seed)] for arm in ARMS for seed in SEEDS}
    spent = {key: sum(row["cpu_seconds"] for row in run) for key, run in runs.items()}
    best = {key: best_of(run) for key, run in runs.items()}
    equal_time = [best_within(runs[WHOLE, seed], spent[LADDER, seed]) for seed in SEEDS]
    ladder = [best[LADDER, seed] for seed in SEEDS]
    return {
        "training time, rungs over all (mean of ratios)": sum(spent[LADDER, s] / spent[WHOLE, s] for s in SEEDS)
        / len(SEEDS),
        "best accuracy, all to the end (mean)": sum(best[WHOLE, seed] for seed in SEEDS) / len(SEEDS),
        "best accuracy, rungs (mean)": sum(ladder) / len(SEEDS),
        "best accuracy, rungs minus all": asdict(paired_difference(ladder, [best[WHOLE, seed] for seed in SEEDS])),
        "best accuracy, rungs minus all at equal time": asdict(paired_difference(ladder, equal_time)),
        "searches that end with the best of all": sum(best[LADDER, s] == best[WHOLE, s] for s in SEEDS),
        **{f"Kendall tau with the end, at epoch {n}": _tau(runs, n) for n in RUNGS[:-1]},
    }


def _tau(runs: Mapping[tuple[str, int], Sequence[Row]], epochs: int) -> float:
    """Return the rank correlation of accuracy after some epochs with that at the end, mean over searches."""
    taus = []
    for seed in SEEDS:
        curves = [row["val_accuracies"].split() for row in runs[WHOLE, seed] if row["val_accuracies"]]
        early, late = ([float(curve[at - 1]) for curve in curves] for at in (epochs, RUNGS[-1]))
        taus.append(float(stats.kendalltau(early, late).statistic))
    return sum(taus) / len(taus)


def _protocol() -> str:
    return (
        f"digits, convnet_small of at most {MAX_MULTIPLY_ADDS:,} multiply-adds dense, density {MIN_DENSITY} to "
        f"{MAX_DENSITY}, {TRIALS} random candidates of each of {len(SEEDS)} seeds, all trained for {RUNGS[-1]} epochs "
        f"of batches of {BATCH}, or the best third after {RUNGS[0]} and again after {RUNGS[1]}; one worker, one "
        f"thread, CPU seconds of training; t intervals at 95 % over pairs of the same seed"
    )
