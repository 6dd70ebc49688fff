"""Local and Ray, candidate by candidate: the same outcomes?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.table import Table
from nas.candidates import find_space
from nas.executors import EXECUTORS, Job, Resources, Work
from nas.genomes import CandidateSpace, Genes, SparsityChoices
from nas.outcomes import Failure, Outcome
from nas.tasks import load_task
from nas.training import Recipe
from nas.trial import TrialSettings, make_runner

CANDIDATES = 16


def executors(folder: Path, say: Callable[[str], None]) -> Table:
    """Return one row for each candidate: its outcome on `local` and on `ray`, two workers of one thread each."""
    task = load_task("digits", None)
    space = CandidateSpace(find_space("convnet"), SparsityChoices(), task.signature, max_multiply_adds=1_000_000)
    work = Work(make_runner, TrialSettings(Recipe(epochs=3)), task)
    rng = np.random.default_rng(0)
    genes: list[Genes] = []
    while len(genes) < CANDIDATES:
        drawn = space.random(rng)
        if space.feasible(drawn):
            genes.append(drawn)
    jobs = [Job(number, space.decode(one)) for number, one in enumerate(genes)]
    results = {name: _train(name, work, jobs) for name in ("local", "ray")}
    rows = [_row(job, results["local"][job.identity], results["ray"][job.identity]) for job in jobs]
    say(f"{sum(row['equal'] for row in rows)} of {CANDIDATES} candidates have equal outcomes on local and ray")
    return Table(
        "executors",
        f"{CANDIDATES} random convnet candidates on digits, 3 epochs, --workers 2 --threads-per-trial 1",
        rows,
        {"candidates": CANDIDATES, "equal": sum(row["equal"] for row in rows)},
    )


def _train(name: str, work: Work, jobs: Sequence[Job]) -> dict[int, Outcome | Failure]:
    results: dict[int, Outcome | Failure] = {}
    with closing(EXECUTORS[name](work, Resources(workers=2, threads=1))) as executor:
        for job in jobs:
            executor.submit(job)
        while len(results) < len(jobs):
            results |= {job.identity: result for job, result in executor.wait()}
    return results


def _row(job: Job, local: Outcome | Failure, ray: Outcome | Failure) -> dict[str, Any]:
    return {
        "candidate": job.identity,
        "method": job.candidate.sparsity.method,
        "density": job.candidate.sparsity.density,
        "local": _said(local),
        "ray": _said(ray),
        "equal": _measured(local) == _measured(ray),
    }


def _said(result: Outcome | Failure) -> str:
    return f"{result.val_accuracy:.6f}" if isinstance(result, Outcome) else result.error


def _measured(result: Outcome | Failure) -> object:
    """Everything in a result but its timings."""
    if isinstance(result, Failure):
        return result.error, result.message
    curve = tuple((e.epoch, e.train_loss, e.train_accuracy, e.val_accuracy) for e in result.curve)
    return result.val_accuracy, curve, result.kept, result.total, result.multiply_adds
