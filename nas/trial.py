"""One trial, start to end, on whatever worker runs it: candidate in, Outcome or Failure out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from nas.executors import Job
from nas.outcomes import Failure, Outcome
from nas.realize import realize
from nas.tasks import TabularTask, Task
from nas.training import Recipe, TrainingFailed, half_batch, train_masks
from pruning import PruningError


@dataclass(frozen=True)
class TrialSettings:
    """What a worker needs besides the data set: how to train, where, for how long."""

    recipe: Recipe
    device: str = "cpu"
    time_limit_seconds: float | None = None


def make_runner(settings: TrialSettings, task: Task) -> Callable[[Job], Outcome | Failure]:
    """Return the function a worker applies to its jobs; the data set moves to the worker's device once, here."""
    resident = task.to(settings.device)

    def run(job: Job) -> Outcome | Failure:
        return run_trial(job, resident, settings)

    return run


def run_trial(job: Job, task: Task, settings: TrialSettings) -> Outcome | Failure:
    """Build, mask and train a job's candidate as far as the job says, or look up what that came to.

    What the candidate itself can do wrong is returned as a Failure; any other exception is the executor's to turn
    into one (see executors/guard.py).
    """
    candidate, recipe = job.candidate, settings.recipe
    if isinstance(task, TabularTask):
        return task.answer(candidate, job.stage.until if job.stage else recipe.epochs)
    start = time.perf_counter()
    try:
        module, masks = realize(candidate, task)
        return train_masks(
            module,
            masks,
            task,
            half_batch(recipe) if job.half_batch else recipe,
            seed=candidate.seed,
            training=candidate.training,
            device=settings.device,
            time_limit_seconds=settings.time_limit_seconds,
            stage=job.stage,
        ).outcome
    except PruningError as error:
        return Failure("infeasible", str(error), time.perf_counter() - start)
    except TrainingFailed as error:
        return error.failure(time.perf_counter() - start)
