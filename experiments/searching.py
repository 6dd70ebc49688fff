"""From a config to a running search: the parts of `nas.search.search`, put together in one place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from experiments.config import SearchConfig
from experiments.errors import ExperimentError
from experiments.presets import CPU_MULTIPLY_ADDS
from experiments.run_directory import RunDirectory
from nas.batch_trial import make_batch_runner
from nas.candidates import Candidate, find_space
from nas.events import Listener
from nas.executors import EXECUTORS, Executor, Resources, Work, cores
from nas.genomes import CandidateSpace, SparsityChoices, density_grid
from nas.ladder import Ladder
from nas.objectives import extras
from nas.outcomes import Epoch, Outcome
from nas.realize import realize
from nas.records import Header, Record, Records, open_records
from nas.screen import Screen, ScreenSettings
from nas.search import Search
from nas.strategies import STRATEGIES
from nas.tasks import Task, load_task
from nas.training import Recipe, evaluate, half_batch, recipe_for, train_masks
from nas.training.recipes import Purpose
from nas.trial import TrialSettings, check_measures, make_runner
from pruning import MaskSet
from pruning.dynamic import STATIC
from search_spaces import Choice


@dataclass(frozen=True)
class Setup:
    """A search that is ready to start: its data, its candidates and its records."""

    config: SearchConfig
    task: Task
    device: str
    candidates: CandidateSpace
    records: Records


def prepare(config: SearchConfig, run: RunDirectory) -> Setup:
    """Return the search of `config`, its study opened in `run` or where the config's storage says.

    Raises:
        ExperimentError: the device is not there. NasError: the data are missing or broken, the task cannot be measured
            as an objective asks, or the study belongs to another search.
    """
    device = find_device(config.device)
    task = load_task(config.task, config.data)
    check_measures(extras(config.objectives), task)
    space = find_space(config.space)
    candidates = CandidateSpace(
        space,
        _sparsity(config),
        task.signature,
        seed=config.seed,
        max_multiply_adds=_bound(config, device),
        only=config.only,
    )
    alphabet, training = _alphabet(candidates.choices), _training(config)
    header = Header(config.task, config.space, config.objectives, config.seed, alphabet, training)
    records = open_records(config.shared_place or run.journal, config.name, header, candidates.choices)
    return Setup(config, task, device, candidates, records)


def run_search(setup: Setup, on_event: Listener) -> list[Record]:
    """Run the search until the config's number of trials is finished; return all its records."""
    config = setup.config
    with closing(EXECUTORS[config.executor](trial_work(setup), resources(config, setup.device))) as executor:
        return make_search(setup, executor, on_event).run(config.trials)


def trial_work(setup: Setup) -> Work:
    """Return what the search's workers do: train candidates by the search recipe."""
    config = setup.config
    settings = TrialSettings(
        recipe=_recipe(config, "search", config.epochs),
        device=setup.device,
        time_limit_seconds=config.time_limit,
        measures=extras(config.objectives),
    )
    return Work(make_runner, settings, setup.task, make_batch_runner)


def make_search(setup: Setup, executor: Executor, on_event: Listener = lambda event: None) -> Search:
    """Return the search of the config, screened as the config says, on an executor of `trial_work`."""
    config = setup.config
    screening = ScreenSettings(
        minimum=config.min_records,
        oversample=config.oversample,
        explore=config.explore,
        guides=config.guides,
        acquisition=config.acquisition,
    )
    screen = Screen(
        setup.candidates, setup.task, config.objectives, screening if config.screen else None, device=setup.device
    )
    strategy = STRATEGIES[config.strategy]
    return Search(strategy, screen, executor, setup.records, setup.candidates, on_event, _ladder(config))


@contextmanager
def finalist_executor(setup: Setup, epochs: int) -> Iterator[Executor]:
    """Lend an executor that trains candidates by the final recipe for `epochs` epochs, without a time limit."""
    config = setup.config
    settings = TrialSettings(recipe=_recipe(config, "final", epochs), device=setup.device)
    places = replace(resources(config, setup.device), time_limit_seconds=None)
    work = Work(make_runner, settings, setup.task, make_batch_runner)
    with closing(EXECUTORS[config.executor](work, places)) as executor:
        yield executor


def retrain(
    setup: Setup, candidate: Candidate, on_epoch: Callable[[Epoch], None], *, in_half_batches: bool = False
) -> tuple[torch.nn.Module, MaskSet, Outcome]:
    """Train a candidate from its start for the final number of epochs; only here is the test split looked at.

    `in_half_batches` is for a candidate whose trial did not fit in memory otherwise.

    Returns:
        The trained module, its masks at the end and its outcome, test accuracy included.
    """
    task = setup.task.to(setup.device)
    torch.set_num_threads(cores())
    module, masks = realize(candidate, task)
    recipe = _recipe(setup.config, "final", setup.config.final_epochs)
    recipe = half_batch(recipe) if in_half_batches else recipe
    trained = train_masks(
        module, masks, task, recipe,
        seed=candidate.seed, training=candidate.training, device=setup.device, on_epoch=on_epoch,
    )  # fmt: skip
    return module, trained.masks, replace(trained.outcome, test_accuracy=evaluate(module, task.test, task))


def find_device(name: str) -> str:
    """Return the device to train on; "auto" takes a GPU if there is one.

    Raises:
        ExperimentError: the machine has no such device.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = name.partition(":")
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}[kind]
    if int(index or 0) >= there:
        raise ExperimentError(f"device must exist on this machine; got '{name}' (device). Use auto or cpu.")
    return name


def resources(config: SearchConfig, device: str) -> Resources:
    """Return how much of the machine the trials use; without `workers`, a GPU trains one at a time and a CPU one on
    each core, up to eight.
    """
    workers = config.workers
    if workers is None:
        workers = min(cores(), 8) if device == "cpu" else 1
    return Resources(
        workers=workers,
        threads=config.threads_per_trial,
        gpus_per_trial=config.gpus_per_trial,
        time_limit_seconds=config.time_limit,
        address=config.address,
        batch=config.batch,
    )


def _ladder(config: SearchConfig) -> Ladder | None:
    if not config.rungs:
        return None
    return Ladder(config.rungs, config.eta, RunDirectory(config.folder.resolve()).checkpoints)


def _alphabet(choices: Sequence[Choice]) -> str:
    """Digest of the choices: genes recorded under another alphabet would mean other networks."""
    text = json.dumps([[choice.name, list(choice.values)] for choice in choices])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _training(config: SearchConfig) -> dict[str, Any]:
    """Return what every driver of a study must train by; the precision may be each device's own."""
    recipe = asdict(_recipe(config, "search", config.epochs))
    del recipe["precision"]
    return {"rungs": config.rungs, "trainings": config.trainings or (STATIC,), **recipe}


def _sparsity(config: SearchConfig) -> SparsityChoices:
    chosen = {"methods": config.methods, "allocations": config.allocations, "trainings": config.trainings}
    given = {name: names for name, names in chosen.items() if names}
    return SparsityChoices(densities=density_grid(config.min_density, config.max_density), **given)


def _bound(config: SearchConfig, device: str) -> int | None:
    if config.max_multiply_adds == "auto":
        return CPU_MULTIPLY_ADDS.get(config.task) if device == "cpu" else None
    return None if config.max_multiply_adds == "none" else config.max_multiply_adds


def _recipe(config: SearchConfig, purpose: Purpose, epochs: int) -> Recipe:
    precision = {} if config.precision == "auto" else {"precision": config.precision}  # "auto": the recipe's own
    return recipe_for(config.task, purpose, **{"epochs": epochs, **precision, **config.recipe})
