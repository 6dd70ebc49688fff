"""The one training loop: a masked network in, its accuracies and their cost out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.errors import NasError
from nas.outcomes import Epoch, Outcome
from nas.seeds import stream
from nas.stage import Stage
from nas.tasks.task import Task
from nas.training.arithmetic import Arithmetic, choose
from nas.training.checkpoint import Training, identity, restore_, save
from nas.training.deadline import Deadline
from nas.training.evaluate import evaluate
from nas.training.failure import TrainingFailed, memory_errors_named
from nas.training.feed import Feed, make_feed, unlabelled
from nas.training.moves import Moves
from nas.training.optimizers import make_optimizer, set_rate
from nas.training.recipe import Recipe
from nas.training.schedule import rate_share
from nas.training.surroundings import prepared, surroundings
from predictors.structure import multiply_adds
from pruning import MaskSet, check_masks
from pruning.dynamic import STATIC, TRAININGS, Loop
from pruning.naming import unknown

_LOOK_EVERY = 50
"""Steps between looks at the loss: each look makes the host wait for a GPU."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training came to, and the masks at its end."""

    outcome: Outcome
    masks: MaskSet


def train(
    module: nn.Module,
    masks: MaskSet,
    task: Task,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    time_limit_seconds: float | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    stage: Stage | None = None,
) -> Outcome:
    """Return the outcome of training `module` in place with masks that stay as they are; see `train_masks`."""
    return train_masks(
        module,
        masks,
        task,
        recipe,
        seed=seed,
        device=device,
        time_limit_seconds=time_limit_seconds,
        on_epoch=on_epoch,
        stage=stage,
    ).outcome


def train_masks(
    module: nn.Module,
    masks: MaskSet,
    task: Task,
    recipe: Recipe,
    *,
    seed: int,
    training: str = STATIC,
    device: torch.device | str = "cpu",
    time_limit_seconds: float | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    stage: Stage | None = None,
) -> Trained:
    """Return the outcome of training `module` in place, its masked weights exactly 0 throughout, and its last masks.

    Data order, augmentation, dropout, moves of the mask and batches without labels come from the streams "order",
    "augment", "dropout", "moves" and "transfer" of `seed`: with the same module, masks, task, recipe, seed, device and
    thread count the result is the same, bit for bit (on a GPU if `recipe.deterministic`). The global random state and
    cuDNN's settings are left as they were, the module is left on `device`, contiguous, in train mode. `task.test` is
    never looked at.

    Args:
        module: on any device; float32; as it is before its first step, even if a checkpoint is to be resumed.
        masks: True where a weight is kept; for prunable parameters of the module.
        task: on any device; it is used where it is if that is `device`, else copied.
        recipe: the settings.
        seed: of the named streams.
        training: name in TRAININGS: how mask and weights come about. It ends with the layer counts of `masks`.
        device: where to train.
        time_limit_seconds: wall time for everything in here, checked at each step.
        on_epoch: called after each epoch (and its validation); what it raises passes through.
        stage: where to stop, and the file to go on from; by default the whole training. The outcome's curve holds all
            epochs so far, its seconds are those spent now.

    Raises:
        TrainingFailed: "non_finite_loss", "time_limit" or "out_of_memory".
        NasError: the batch is larger than the training split, the limit is not positive, the stage ends outside the
            training, or the training is unknown.
        PruningError: the masks do not fit the module, or the module not the training.
    """
    if training not in TRAININGS:
        raise NasError(unknown("training", training, TRAININGS))
    deadline = Deadline(time_limit_seconds)
    arithmetic = choose(torch.device(device), recipe.precision, recipe.channels_last)
    check_masks(module, masks)
    with memory_errors_named(), surroundings(arithmetic.device, recipe, seed), prepared(module, arithmetic):
        task = task.to(arithmetic.device)
        feed = make_feed(task, recipe, arithmetic, seed)
        optimizer = make_optimizer(module, recipe)
        images, length = unlabelled(task, seed, deadline), recipe.epochs * feed.steps
        moves = Moves(training, module, masks, Loop(optimizer, length, stream(seed, "moves"), images))
        with closing(moves):
            run = _Run(module, task, recipe, arithmetic, feed, deadline, optimizer, moves)
            curve = _stage(run, stage, identity(task, recipe, masks, seed, training), on_epoch)
    accuracy = curve[-1].val_accuracy
    assert accuracy is not None  # the last epoch is always validated
    ended = moves.masks
    outcome = Outcome(
        val_accuracy=accuracy,
        curve=curve,
        epochs=len(curve),
        seconds=deadline.elapsed_seconds,
        kept=ended.kept,
        total=ended.total,
        multiply_adds=multiply_adds(module, task.signature.input_shape, ended),
        training_density=moves.mean_density,
    )
    return Trained(outcome, ended)


@dataclass(frozen=True, slots=True)
class _Run:
    """What every epoch of one training needs."""

    module: nn.Module
    task: Task
    recipe: Recipe
    arithmetic: Arithmetic
    feed: Feed
    deadline: Deadline
    optimizer: torch.optim.Optimizer
    moves: Moves


def _stage(run: _Run, stage: Stage | None, about: str, on_epoch: Callable[[Epoch], None] | None) -> tuple[Epoch, ...]:
    """Return all epochs up to the stage's end, those of earlier stages taken from its checkpoint where there is one."""
    stage = stage or Stage(run.recipe.epochs)
    if not 1 <= stage.until <= run.recipe.epochs:
        raise NasError(f"a stage must end after 1 to {run.recipe.epochs} epochs, the recipe's; got {stage.until}.")
    training = Training(run.module, run.optimizer, run.feed, run.moves)
    done = restore_(stage.checkpoint, training, about, stage.until) if stage.checkpoint is not None else []
    if not done:
        run.moves.prepare()
    curve = (*done, *_epochs(run, len(done) + 1, stage.until, on_epoch))
    if stage.checkpoint is not None and stage.until < run.recipe.epochs:
        save(stage.checkpoint, training, curve, about)
    return curve


def _epochs(run: _Run, first: int, last: int, on_epoch: Callable[[Epoch], None] | None) -> Iterator[Epoch]:
    """Yield epochs `first` to `last` of the run, each after its validation, if it is due, and its callback."""
    recipe = run.recipe
    forward = torch.compile(run.module) if recipe.compile else run.module
    run.module.train()
    for number in range(first, last + 1):
        start = time.perf_counter()
        loss, accuracy = _pass(run, forward, number)
        seconds = time.perf_counter() - start
        due = number == last or (recipe.evaluate_every and number % recipe.evaluate_every == 0)
        val = _validate(run) if due else None
        epoch = Epoch(number, loss, accuracy, val, seconds)
        if on_epoch is not None:
            on_epoch(epoch)
        yield epoch


def _pass(run: _Run, forward: Callable[[Tensor], Tensor], number: int) -> tuple[float, float]:
    """Train for one epoch; return the mean loss and the accuracy over its (augmented) batches.

    Nothing in a step waits for the device: sums stay there and are looked at every few dozen steps.
    """
    recipe, steps, optimizer = run.recipe, run.feed.steps, run.optimizer
    sums = torch.zeros(2, dtype=torch.float64, device=run.task.device)
    for step, (inputs, targets) in enumerate(run.feed.epoch()):
        place, length = run.moves.cycle((number - 1) * steps + step)
        share = rate_share(place, length, recipe.warmup, recipe.schedule)
        set_rate(optimizer, recipe.learning_rate * share)
        with run.arithmetic.autocast():
            logits = forward(inputs)
        loss = functional.cross_entropy(logits.float(), targets, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        run.moves.step()
        with torch.no_grad():
            sums += torch.stack((loss, (logits.argmax(1) == targets).float().mean()))
        run.deadline.check()
        if (step + 1) % _LOOK_EVERY == 0 or step + 1 == steps:
            _check_finite(sums, step, number)
    mean_loss, accuracy = (sums / steps).tolist()
    return mean_loss, accuracy


def _check_finite(sums: Tensor, step: int, number: int) -> None:
    total = float(sums[0])
    if not math.isfinite(total):
        raise TrainingFailed(
            "non_finite_loss",
            f"training loss must stay finite; got {total} by step {step + 1} of epoch {number}. "
            f"Lower the learning rate.",
        )


def _validate(run: _Run) -> float:
    return evaluate(run.module, run.task.val, run.task, arithmetic=run.arithmetic, deadline=run.deadline)
