"""Which search finds the better front by real training: guided and unguided evolution, Optuna's NSGA-II, random."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from experiments.benchmarks.hypervolume_figure import draw
from experiments.benchmarks.hypervolume_summary import CHOSEN, MARKS, SCALES, shares_of, summarised
from experiments.benchmarks.nsga2 import POPULATION, nsga2
from experiments.benchmarks.table import Table
from experiments.config import SearchConfig, resolve
from experiments.run_directory import driving
from experiments.searching import Setup, make_search, prepare, trial_work
from nas.executors import Job, Resources, local
from nas.executors.executor import Runner
from nas.outcomes import Failure, Outcome

SEEDS = tuple(range(10))
TRIALS = 40
EPOCHS = 2
MAX_DENSITY = 0.2
NSGA2 = "Optuna's NSGA-II"
ARMS: Mapping[str, Mapping[str, Any] | None] = {
    "guided evolution": {},
    "evolution": {"screen": False},
    NSGA2: None,
    "random": {"strategy": "random", "screen": False},
}
"""Settings of `sparsenas search`, on top of its defaults; None is not ours."""


def hypervolume(folder: Path, say: Callable[[str], None]) -> Table:
    """Return one row for each trial; the summary holds hypervolumes, and paired differences of searches of one seed.

    Seeds that are finished are kept in `hypervolume.jsonl` in the folder, and not run again by the same command.
    """
    return measure(folder, say, SEEDS)


def measure(folder: Path, say: Callable[[str], None], seeds: Sequence[int]) -> Table:
    """Return the table of `hypervolume` for some seeds only, at least two."""
    from experiments.reproduce.resumed import resumed  # here, as reproductions are made of benchmarks

    rows = list(resumed(folder / "hypervolume.jsonl", [f"seed {seed}" for seed in seeds], _searches, say))
    shares = {scale: shares_of(rows, scale) for scale in SCALES}
    draw(shares[CHOSEN], folder / "hypervolume.png")
    return Table("hypervolume", _protocol(seeds), rows, summarised(rows, shares))


class Trainer:
    """Trains a candidate once: it has the same outcome in every search of its seed. `spent` are CPU seconds."""

    def __init__(self) -> None:
        self._known: dict[str, Outcome | Failure] = {}
        self.spent = 0.0

    def over(self, runner: Runner) -> Runner:
        """Return a runner that asks `runner` for what is not known yet; seconds of its results are CPU time."""

        def run(job: Job) -> Outcome | Failure:
            key = repr(job.candidate)
            if key not in self._known:
                start = time.process_time()
                result = runner(job)
                seconds = time.process_time() - start
                self.spent += seconds
                self._known[key] = replace(result, seconds=seconds)
            return self._known[key]

        return run


def _searches(part: str) -> list[dict[str, Any]]:
    """Run all searches of one seed in this process on one thread, the same candidate trained once for all."""
    torch.set_num_threads(1)
    seed, trainer = int(part.split()[1]), Trainer()
    return [row for arm in ARMS for row in _search(arm, seed, trainer)]


def _search(arm: str, seed: int, trainer: Trainer) -> Iterator[dict[str, Any]]:
    trained, start = trainer.spent, time.process_time()
    with tempfile.TemporaryDirectory() as out:
        config = _config(arm, seed, Path(out))
        with driving(config.folder) as run:
            found = list(_trials(arm, prepare(config, run), trainer))
    driver = time.process_time() - start - (trainer.spent - trained)
    seen: set[str] = set()
    for number, (digest, outcome, refused) in enumerate(found, start=1):
        yield {
            "seed": seed,
            "arm": arm,
            "trial": number,
            "val_accuracy": outcome.val_accuracy,
            "kept": outcome.kept,
            "total": outcome.total,
            "digest": digest,
            "repeated": digest in seen,
            "refused_before": refused,
            "training_cpu_seconds": round(outcome.seconds, 2),
            "search_cpu_seconds": round(driver, 1),
        }
        seen.add(digest)


def _config(arm: str, seed: int, out: Path) -> SearchConfig:
    """Return the config of `make search` with fewer epochs, in float32, in this process and on one thread."""
    here = {"name": "run", "out": out, "workers": 0, "threads_per_trial": 1, "precision": "float32"}
    same = {"task": "digits", "space": "convnet", "max_density": MAX_DENSITY, "trials": TRIALS, "epochs": EPOCHS}
    return resolve(None, {**here, **same, "seed": seed, **(ARMS[arm] or {})})


def _trials(arm: str, setup: Setup, trainer: Trainer) -> Iterator[tuple[str, Outcome, int]]:
    """Yield the digest and outcome of each trial, and how many candidates before it came to nothing."""
    work = trial_work(setup)
    runner = trainer.over(work.make_runner(work.settings, work.payload))
    if ARMS[arm] is None:
        yield from nsga2(setup.candidates, runner, TRIALS, setup.config.seed)
        return
    with closing(local(replace(work, make_runner=lambda *_: runner), Resources(workers=0, threads=1))) as executor:
        history = make_search(setup, executor).run(TRIALS)
    refused = 0
    for record in history:
        if isinstance(record.outcome, Outcome):
            yield record.digest, record.outcome, refused
            refused = 0
        else:
            refused += 1


def _protocol(seeds: Sequence[int]) -> str:
    return (
        f"task digits, space convnet, density at most {MAX_DENSITY}, {TRIALS} trials of {EPOCHS} epochs in float32 a "
        f"search, {len(seeds)} seeds, objectives (validation accuracy, kept weights); a candidate has the "
        f"same outcome in all searches of a seed; {NSGA2} with a population of {POPULATION}; hypervolume as a share of "
        "the rectangle from chance and the most weights to no error and the fewest weights of all trials; [mean, "
        f"median] after {', '.join(map(str, MARKS))} trials; differences at the end with 95 % bootstrap intervals over "
        "pairs of the same seed, and Student's"
    )
