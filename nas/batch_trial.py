"""What the executor "population" does with a batch of jobs: train those that can share a program as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from torch import nn

from nas.executors import BatchRunner, Job
from nas.outcomes import Failure, Outcome
from nas.realize import realize
from nas.tasks import TabularTask, Task
from nas.training import TrainingFailed, population, stacked
from nas.trial import TrialSettings, check_measures, errors_of, measured, run_trial
from pruning import MaskSet, PruningError
from pruning.dynamic import STATIC
from search_spaces.graphs.networks import GraphRNN

WIDEST = 2.0
"""Networks of one program are at most this many times as wide as its narrowest: each costs as much as the widest."""


@dataclass(frozen=True)
class Member:
    """A network to train, its place in the batch, and the seed of its stream of batches."""

    place: int
    seed: int
    module: nn.Module
    masks: MaskSet

    @property
    def width(self) -> int:
        """Units of a recurrent graph network."""
        return self.module.recurrent.hidden_size if isinstance(self.module, GraphRNN) else 0


def make_batch_runner(settings: TrialSettings, task: Task) -> BatchRunner:
    """Return what does the jobs of a batch; the data set moves to the device once, here."""
    check_measures(settings.measures, task)
    resident = task.to(settings.device)

    def run(jobs: Sequence[Job]) -> list[Outcome | Failure]:
        return run_trials(jobs, resident, settings)

    return run


def run_trials(jobs: Sequence[Job], task: Task, settings: TrialSettings) -> list[Outcome | Failure]:
    """Return each job's result, as `run_trial` returns it to float tolerance.

    Recurrent graph networks of one cell and similar size train as one program, and so do other networks of one
    architecture where that is faster; each on its own stream of batches. Everything else, moving masks, stages and half
    batches too, is trained alone. A time limit holds for the sum over a program's networks.
    """
    if isinstance(task, TabularTask):
        return [run_trial(job, task, settings) for job in jobs]
    results: dict[int, Outcome | Failure] = {}
    recurrent: list[Member] = []
    others: list[Member] = []
    for place, job in enumerate(jobs):
        if job.stage is not None or job.half_batch or job.candidate.training != STATIC:
            results[place] = run_trial(job, task, settings)
            continue
        try:
            member = Member(place, job.candidate.seed, *realize(job.candidate, task))
        except PruningError as error:
            results[place] = Failure("infeasible", str(error))
            continue
        if isinstance(member.module, GraphRNN) and population.refusal(task, settings.recipe) is None:
            recurrent.append(member)
        elif (
            stacked.stackable(member.module, task.signature.input_shape, settings.device)
            and not settings.recipe.compile
        ):
            others.append(member)
        else:
            results[place] = run_trial(job, task, settings)
    results |= train_members(recurrent, task, settings)
    for together in stacks(others):
        found = _stacked(together, [jobs[member.place] for member in together], task, settings)
        results |= {member.place: result for member, result in zip(together, found, strict=True)}
    return [results[place] for place in range(len(jobs))]


def stacks(members: Sequence[Member]) -> Iterator[list[Member]]:
    """Yield the members of each architecture, in the order in which they came."""
    kinds: dict[str, list[Member]] = {}
    for member in members:
        kinds.setdefault(stacked.kind(member.module), []).append(member)
    yield from kinds.values()


def _stacked(
    members: Sequence[Member], jobs: Sequence[Job], task: Task, settings: TrialSettings
) -> list[Outcome | Failure]:
    """Train networks of one architecture as one program; one by one if it is only one, or they do not fit together."""
    if len(members) == 1:
        return [run_trial(jobs[0], task, settings)]
    limit = settings.time_limit_seconds
    try:
        found = stacked.train_stacked(
            [member.module for member in members],
            [member.masks for member in members],
            task,
            settings.recipe,
            seeds=[member.seed for member in members],
            device=settings.device,
            time_limit_seconds=None if limit is None else limit * len(members),
        )
    except TrainingFailed as error:
        if error.error == "out_of_memory":
            return [run_trial(job, task, settings) for job in jobs]
        return [error.failure(0.0)] * len(members)
    return [_measured(*pair, task, settings) for pair in zip(members, found, strict=True)]


def _measured(member: Member, came: Outcome | Failure, task: Task, settings: TrialSettings) -> Outcome | Failure:
    if isinstance(came, Failure):
        return came
    return measured(came, member.module.to(settings.device), member.masks, task, settings)


def train_members(members: Sequence[Member], task: Task, settings: TrialSettings) -> dict[int, Outcome | Failure]:
    """Return place -> result of recurrent graph networks, trained in place in as few programs as suit them."""
    results: dict[int, Outcome | Failure] = {}
    for together in programs(members):
        found = _trained(together, task, settings)
        for member, came in zip(together, found, strict=True):
            results[member.place] = _measured(member, came, task, settings)
    return results


def programs(members: Sequence[Member]) -> Iterator[list[Member]]:
    """Yield the members that train together: of one kind, in order of width, none much wider than the narrowest."""
    ordered = sorted(members, key=lambda member: (str(population.kind(member.module)), member.width))
    for _, same in groupby(ordered, key=lambda member: population.kind(member.module)):
        together: list[Member] = []
        for member in same:
            if together and member.width > WIDEST * together[0].width:
                yield together
                together = []
            together.append(member)
        yield together


def _trained(members: Sequence[Member], task: Task, settings: TrialSettings) -> Sequence[Outcome | Failure]:
    limit = settings.time_limit_seconds
    try:
        return population.train_population(
            [member.module for member in members],
            [member.masks for member in members],
            task,
            settings.recipe,
            seed=[member.seed for member in members],
            device=settings.device,
            time_limit_seconds=None if limit is None else limit * len(members),
            measures=errors_of(settings.measures),
        )
    except TrainingFailed as error:
        return [error.failure(0.0)] * len(members)
