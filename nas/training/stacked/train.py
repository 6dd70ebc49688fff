"""The training loop of a stack: every network's own batches, loss, momentum and outcome, one program for all."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import count

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.errors import NasError
from nas.outcomes import Epoch, Failure, Outcome
from nas.tasks.task import Split, Task
from nas.training.arithmetic import Arithmetic, choose
from nas.training.deadline import Deadline
from nas.training.failure import memory_errors_named
from nas.training.feed import Feed, make_feed
from nas.training.optimizers import optimizer_of, set_rate
from nas.training.recipe import Recipe
from nas.training.schedule import rate_share
from nas.training.stacked.stack import Stack
from predictors.structure import multiply_adds
from pruning import MaskSet, check_masks

NOT_FINITE = "training loss must stay finite; got inf or nan"
_EVALUATED = 1024
"""Inputs of all networks together in one program of validation."""


def train_stacked(
    modules: Sequence[nn.Module],
    masks: Sequence[MaskSet],
    task: Task,
    recipe: Recipe,
    *,
    seeds: Sequence[int],
    device: torch.device | str = "cpu",
    time_limit_seconds: float | None = None,
) -> list[Outcome | Failure]:
    """Return the outcome of each network, trained in place as `train` would train it alone, to float tolerance.

    Order and augmentation come from the streams of each network's own seed, masked weights are exactly 0 throughout,
    and a network whose loss or weights cease to be finite is returned as a Failure while the others go on.

    Args:
        modules: of one `kind`, each `stackable`; on the CPU, as they are before their first step.
        masks: for each, on the same parameters.
        task: on any device.
        recipe: as in `train`, but `compile` and `channels_last`, which do nothing here.
        seeds: one for each network.
        device: where to train.
        time_limit_seconds: wall time for everything in here.

    Raises:
        NasError: seeds are missing, the networks differ in kind, or the batch is larger than the training split.
        TrainingFailed: "time_limit" or "out_of_memory", of all of them.
        PruningError: masks do not fit.
    """
    if not len(modules) == len(masks) == len(seeds):
        raise NasError(
            f"stacked networks must have a mask and a seed each; got {len(modules)} networks, {len(masks)} masks and "
            f"{len(seeds)} seeds."
        )
    for module, mask in zip(modules, masks, strict=True):
        check_masks(module, mask)
    deadline = Deadline(time_limit_seconds)
    arithmetic = choose(torch.device(device), recipe.precision, False)
    with memory_errors_named():
        resident = task.to(arithmetic.device)
        feeds = [make_feed(resident, recipe, arithmetic, seed) for seed in seeds]
        run = _Run(Stack(modules, masks, arithmetic.device), resident, recipe, arithmetic, feeds, deadline)
        curves: list[list[Epoch]] = [[] for _ in modules]
        for number in range(1, recipe.epochs + 1):
            for curve, epoch in zip(curves, run.epoch(number), strict=True):
                curve.append(epoch)
        run.stack.scatter_(modules)
    seconds = deadline.elapsed_seconds / len(modules)
    return [
        Failure("non_finite_loss", run.failed[row], seconds)
        if row in run.failed
        else _outcome(modules[row], masks[row], curve, task, seconds)
        for row, curve in enumerate(curves)
    ]


class _Run:
    """What lasts from epoch to epoch."""

    def __init__(
        self,
        stack: Stack,
        task: Task,
        recipe: Recipe,
        arithmetic: Arithmetic,
        feeds: Sequence[Feed],
        deadline: Deadline,
    ) -> None:
        self.stack, self.task, self.recipe, self.arithmetic = stack, task, recipe, arithmetic
        self.feeds, self.deadline = feeds, deadline
        parameters = list(stack.parameters.values())
        self.optimizer = optimizer_of(
            [p for p in parameters if p.ndim > 2], [p for p in parameters if p.ndim <= 2], recipe
        )
        self.failed: dict[int, str] = {}

    def epoch(self, number: int) -> list[Epoch]:
        """Train for one epoch and, if it is due, validate; return each network's figures."""
        start, steps = time.perf_counter(), self.feeds[0].steps
        sums = torch.zeros(2, len(self.stack), dtype=torch.float64, device=self.task.device)
        for place, (inputs, targets) in zip(count((number - 1) * steps), self._batches(), strict=False):
            sums += self._step(inputs, targets, place)
            self.deadline.check()
        seconds = (time.perf_counter() - start) / len(self.stack)
        self._note_failures(sums[0], number)
        every = self.recipe.evaluate_every
        due = number == self.recipe.epochs or (every and number % every == 0)
        accuracies = self._accuracies(self.task.val).tolist() if due else [None] * len(self.stack)
        losses, right = (sums / steps).tolist()
        return [Epoch(number, *row, seconds) for row in zip(losses, right, accuracies, strict=True)]

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        for parts in zip(*(feed.epoch() for feed in self.feeds), strict=True):
            inputs, targets = zip(*parts, strict=True)
            yield torch.stack(inputs), torch.stack(targets)

    def _step(self, inputs: Tensor, targets: Tensor, place: int) -> Tensor:
        """Train on one batch of each network; return losses and accuracies before the step, (2, N)."""
        recipe, (networks, batch) = self.recipe, targets.shape
        share = rate_share(place, recipe.epochs * self.feeds[0].steps, recipe.warmup, recipe.schedule)
        set_rate(self.optimizer, recipe.learning_rate * share)
        with self.arithmetic.autocast():
            logits = self.stack(inputs, training=True)
        each = functional.cross_entropy(
            logits.float().flatten(0, 1), targets.flatten(), label_smoothing=recipe.label_smoothing, reduction="none"
        )
        losses = each.view(networks, batch).mean(1)
        self.optimizer.zero_grad(set_to_none=True)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        self.stack.mask_gradients_()
        self.optimizer.step()
        self.stack.hold_()
        with torch.no_grad():
            return torch.stack((losses.detach(), (logits.argmax(-1) == targets).float().mean(1))).double()

    def _note_failures(self, losses: Tensor, number: int) -> None:
        bad = ~(losses.isfinite() & self.stack.finite())
        for row in bad.nonzero().flatten().tolist():
            self.failed.setdefault(row, f"{NOT_FINITE} by the end of epoch {number}. Lower the learning rate.")

    def _accuracies(self, split: Split) -> Tensor:
        """Return each network's share of right answers, float64 (N,); a network with an infinite answer has failed."""
        networks = len(self.stack)
        right = torch.zeros(networks, dtype=torch.int64, device=self.task.device)
        finite = torch.ones(networks, dtype=torch.bool, device=self.task.device)
        size = max(1, _EVALUATED // networks)
        with torch.inference_mode(), self.arithmetic.autocast():
            for start in range(0, len(split), size):
                self.deadline.check()
                inputs, targets = self.task.batch(split, slice(start, start + size))
                logits = self.stack(inputs.expand(networks, *inputs.shape), training=False)
                right += (logits.argmax(-1) == targets).sum(-1)
                finite &= logits.flatten(1).isfinite().all(1)
        for row in (~finite).nonzero().flatten().tolist():
            self.failed.setdefault(row, "a trained network's outputs must be finite; got inf or nan.")
        return right.double() / len(split)


def _outcome(module: nn.Module, masks: MaskSet, curve: Sequence[Epoch], task: Task, seconds: float) -> Outcome:
    accuracy = curve[-1].val_accuracy
    assert accuracy is not None  # the last epoch is always validated
    cost = multiply_adds(module, task.signature.input_shape, masks)
    return Outcome(accuracy, tuple(curve), len(curve), seconds, masks.kept, masks.total, cost)
