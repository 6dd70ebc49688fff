"""One trial, start to end, on whatever worker runs it: candidate in, Outcome or Failure out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import nn

from nas.errors import NasError
from nas.executors import Job
from nas.latency import latency_seconds
from nas.outcomes import Failure, Outcome
from nas.realize import realize
from nas.tasks import TabularTask, Task
from nas.training import Recipe, TrainingFailed, half_batch, measured_errors, train_masks
from pruning import MaskSet, PruningError

LATENCY = "latency_seconds"


@dataclass(frozen=True)
class TrialSettings:
    """What a worker needs besides the data set: how to train, where, for how long, what to measure beside it.

    `measures` are names of extra objectives (nas/objectives.py).
    """

    recipe: Recipe
    device: str = "cpu"
    time_limit_seconds: float | None = None
    measures: tuple[str, ...] = ()


def make_runner(settings: TrialSettings, task: Task) -> Callable[[Job], Outcome | Failure]:
    """Return the function a worker applies to its jobs; the data set moves to the worker's device once, here."""
    check_measures(settings.measures, task)
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
        trained = train_masks(
            module,
            masks,
            task,
            half_batch(recipe) if job.half_batch else recipe,
            seed=candidate.seed,
            training=candidate.training,
            device=settings.device,
            time_limit_seconds=settings.time_limit_seconds,
            stage=job.stage,
        )
        return measured(trained.outcome, module, trained.masks, task, settings)
    except PruningError as error:
        return Failure("infeasible", str(error), time.perf_counter() - start)
    except TrainingFailed as error:
        return error.failure(time.perf_counter() - start)


def measured(outcome: Outcome, module: nn.Module, masks: MaskSet, task: Task, settings: TrialSettings) -> Outcome:
    """Return the outcome with what the settings ask to be measured of the trained network and was not yet.

    Raises:
        TrainingFailed: an output is not finite.
    """
    missing = [name for name in settings.measures if name not in outcome.measures]
    found = measured_errors(module, task, errors_of(missing))
    if LATENCY in missing:
        found[LATENCY] = latency_seconds(module, masks, task.signature.input_shape)
    return replace(outcome, measures={**outcome.measures, **found})


def errors_of(measures: Sequence[str]) -> tuple[str, ...]:
    """Return those extra objectives that are measures of the task."""
    return tuple(name for name in measures if name != LATENCY)


def check_measures(measures: Sequence[str], task: Task) -> None:
    """Return None if the networks of a task can be measured so.

    Raises:
        NasError: they are looked up, not trained, so there is nothing to measure; or the task has no such measure.
    """
    if measures and isinstance(task, TabularTask):
        raise NasError(
            f"objectives of task '{task.name}' must be among what its table holds; got {measures[0]}, which is "
            f"measured on a trained network. Leave it out, or take another task."
        )
    for name in errors_of(measures):
        task.measure(name)
