"""The training loop of a population: one stream of batches, every network's own loss, gradient, moments and outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat

import torch
from torch import Tensor, nn

from nas.errors import NasError
from nas.outcomes import Epoch, Failure, Outcome
from nas.seeds import stream
from nas.tasks.measure import Measure
from nas.tasks.reber.one_hot import OneHot
from nas.tasks.task import Split, Task
from nas.training.deadline import Deadline
from nas.training.population import compiled
from nas.training.population.adam import Adam, clip_
from nas.training.population.cells import CELLS
from nas.training.population.gradient import answers, gradient
from nas.training.population.members import Members, gather, scatter_
from nas.training.population.packing import Packed, pack, pack_each
from nas.training.recipe import Recipe
from nas.training.schedule import rate_share
from predictors.structure import multiply_adds
from pruning import prunable
from pruning.parameters import existing

_EVALUATED, _EVALUATED_COMPILED = 512, 128
"""Strings of one program of validation; the kernel keeps what it needs in the cache."""
_LEAST_BLOCK, _CACHED = 8, 768
"""On a CPU, networks times units of one block."""


def train_population(
    modules: Sequence[nn.Module],
    masks: Sequence[Mapping[str, Tensor]],
    task: Task,
    recipe: Recipe,
    *,
    seed: int | Sequence[int],
    clip: float | None = None,
    constant_rate: bool = False,
    device: torch.device | str = "cpu",
    time_limit_seconds: float | None = None,
    on_epoch: Callable[[int, Sequence[Epoch | None]], None] | None = None,
    measures: Sequence[str] = (),
) -> list[Outcome | Failure]:
    """Return the outcome of each network, trained in place as `train` would train it alone, all in one program.

    Batches come in the order of stream "order" of `seed`, as in `train` with that seed. With one seed for all, all
    networks see the same batches, which is faster by the blanks that need not be read. Losses, gradients and moments
    are each network's own, so a network's outcome does not depend on its neighbours, beyond the rounding of sums that
    are padded to the widest. A network whose loss or weights cease to be finite is stopped there and returned as a
    Failure; the others go on. Absent and pruned weights are exactly 0 throughout.

    Args:
        modules: recurrent graph networks of one cell; sort by size and train equal sizes together, since each costs
            as much as the widest.
        masks: for each, parameter name -> kept; {} for no pruning.
        task: of strings (`OneHot` inputs); on any device.
        recipe: epochs, batch size, rates, first beta, decay, smoothing; its optimizer must be "adamw". Everything is
            float32.
        seed: of the batches' order; one for all, or one for each network.
        clip: largest norm of a network's gradient; None for no limit.
        constant_rate: True keeps the rate at `recipe.learning_rate` instead of the recipe's schedule.
        device: where to train.
        time_limit_seconds: wall time for everything in here.
        on_epoch: called after each epoch with its number and each network's Epoch (None once it failed).
        measures: names of the task's measures to take in the end, for `Outcome.measures`.

    Raises:
        NasError: the recipe or the task does not fit, the networks are not of one kind, seeds are missing, or the task
            has no such measure.
        TrainingFailed: the time limit passed.
    """
    if (reason := refusal(task, recipe)) is not None:
        raise NasError(reason)
    if not isinstance(seed, int) and len(seed) != len(modules):
        raise NasError(f"seeds must be one for all or one for each of the {len(modules)} networks; got {len(seed)}.")
    asked = {name: task.measure(name) for name in measures}
    deadline = Deadline(time_limit_seconds)
    task = task.to(device)
    members = gather(modules, masks, device)
    runs = Stepper(members, task, recipe, seed, clip, constant_rate, deadline)
    curves: list[list[Epoch]] = [[] for _ in modules]
    for number in range(1, recipe.epochs + 1):
        epochs = runs.epoch(number)
        for curve, epoch in zip(curves, epochs, strict=True):
            if epoch is not None:
                curve.append(epoch)
        if on_epoch is not None:
            on_epoch(number, epochs)
    scatter_(members, modules)
    errors = {name: measured(members, measure.to(device)) for name, measure in asked.items()}
    seconds = deadline.elapsed_seconds / len(modules)
    return [
        _result(module, mask, curve, task, recipe, seconds, runs.failed[row], {n: e[row] for n, e in errors.items()})
        for row, (module, mask, curve) in enumerate(zip(modules, masks, curves, strict=True))
    ]


def refusal(task: Task, recipe: Recipe) -> str | None:
    """Return why no population can be trained on a task by a recipe, None if one can."""
    if not isinstance(task.normalise, OneHot):
        return f"a population must be trained on strings; got task '{task.name}'. Use `train` for images."
    if recipe.optimizer != "adamw":
        return (
            f"a population's optimizer must be 'adamw'; got '{recipe.optimizer}' (recipe.optimizer). Set it, or train "
            f"the networks one by one."
        )
    if recipe.precision == "bfloat16":
        return (
            "a population's precision must be 'float32' or 'auto', which is the same; got 'bfloat16' "
            "(recipe.precision). Set it, or train the networks one by one."
        )
    if recipe.batch_size > len(task.train):
        return (
            f"recipe batch_size must be at most the {len(task.train)} training strings of '{task.name}'; got "
            f"{recipe.batch_size}. Use a smaller batch."
        )
    return None


class Stepper:
    """What lasts from epoch to epoch, and one step of it."""

    def __init__(
        self,
        members: Members,
        task: Task,
        recipe: Recipe,
        seed: int | Sequence[int],
        clip: float | None,
        constant_rate: bool,
        deadline: Deadline,
    ) -> None:
        self.members, self.task, self.recipe, self.clip, self.deadline = members, task, recipe, clip, deadline
        self.constant_rate = constant_rate
        self.cell = CELLS[members.cell]()
        self.blocks = blocks(members)
        self.shared = isinstance(seed, int)
        self.optimizer = Adam(members.values, recipe.momentum, recipe.weight_decay, members.decays)
        self.orders = [stream(one, "order", task.device) for one in ([seed] if isinstance(seed, int) else seed)]
        self.failed: list[str | None] = [None] * len(members)

    def epoch(self, number: int) -> list[Epoch | None]:
        """Train for one epoch and validate; return each network's figures, None for those that have failed."""
        start, steps = time.perf_counter(), 0
        losses = torch.zeros(len(self.members), dtype=torch.float64, device=self.task.device)
        right = torch.zeros_like(losses)
        for indices in self._batches():
            step = (number - 1) * (len(self.task.train) // self.recipe.batch_size) + steps
            found, correct = self.step(indices, step)
            losses += found
            right += correct
            steps += 1
            self.deadline.check()
        seconds = time.perf_counter() - start
        self._isolate(losses, number)
        every = self.recipe.evaluate_every
        due = number == self.recipe.epochs or (every and number % every == 0)
        accuracies = accuracy(self.members, self.task.val).tolist() if due else repeat(None)
        figures = zip((losses / steps).tolist(), (right / steps).tolist(), accuracies, self.failed, strict=False)
        share = seconds / len(self.members)
        return [
            None if failed else Epoch(number, a, b / self.recipe.batch_size, c, share) for a, b, c, failed in figures
        ]

    def _batches(self) -> Iterator[Tensor]:
        """Yield the strings of each batch of an epoch, (batch,), or (networks, batch) if each has its own order."""
        size, count = self.recipe.batch_size, len(self.task.train)
        orders = [torch.randperm(count, generator=order, device=self.task.device) for order in self.orders]
        rows = orders[0] if self.shared else torch.stack(orders)
        yield from torch.split(rows[..., : count // size * size], size, dim=-1)

    def step(self, indices: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Train on the strings at `indices`; return each network's loss and number of right answers before the step."""
        with compiled.lent(self.members):
            return self._step(indices, step)

    def _step(self, indices: Tensor, step: int) -> tuple[Tensor, Tensor]:
        train, recipe = self.task.train, self.recipe
        found = [
            gradient(part, self.cell, packed, recipe.label_smoothing)
            for part, packed in zip(self.blocks, self._packed(indices), strict=True)
        ]
        losses, right, slope = (torch.cat(parts) for parts in zip(*found, strict=True))
        if self.clip is not None:
            clip_(slope, self.clip)
        steps = recipe.epochs * (len(train) // recipe.batch_size)
        share = 1.0 if self.constant_rate else rate_share(step, steps, recipe.warmup, recipe.schedule)
        self.optimizer.step(slope, recipe.learning_rate * share)
        return losses, right

    def _packed(self, indices: Tensor) -> Iterator[Packed]:
        """Yield what each block reads."""
        train, blank = self.task.train, self.members.sizes[0]
        if self.shared:
            yield from repeat(pack(train.inputs[indices], train.targets[indices], blank), len(self.blocks))
            return
        for part in torch.split(indices, [len(block) for block in self.blocks]):
            yield pack_each(train.inputs[part], train.targets[part], blank)

    def _isolate(self, losses: Tensor, number: int) -> None:
        """Stop the networks that are no longer finite; what they computed touched no other."""
        bad = ~(losses.isfinite() & self.members.values.isfinite().all(1))
        if bool(bad.any()):
            self.optimizer.stop_(bad)
            for row in bad.nonzero().flatten().tolist():
                self.failed[row] = self.failed[row] or (
                    f"training loss must stay finite; got inf or nan by the end of epoch {number}. "
                    f"Lower the learning rate."
                )


def blocks(members: Members) -> list[Members]:
    """Return the population in parts whose steps stay in a CPU's cache; a GPU and the compiled kernel take it whole.

    Parts take turns at every batch, so all networks see a batch before the next one.
    """
    size = len(members)
    if members.values.device.type == "cpu" and not compiled.fits(members):
        size = max(_LEAST_BLOCK, _CACHED // members.sizes[2])
    return [members.some(slice(start, start + size)) for start in range(0, len(members), size)]


def accuracy(members: Members, part: Split) -> Tensor:
    """Return the share of `part` that each network classifies rightly, float64 (N,)."""
    right = torch.zeros(len(members), dtype=torch.int64, device=part.inputs.device)
    done = 0
    for logits in _answered(members, part):
        targets = part.targets[done : done + logits.shape[1]]
        right += (logits.argmax(-1) == targets).sum(-1)
        done += logits.shape[1]
    return right.double() / len(part)


def measured(members: Members, measure: Measure) -> list[float]:
    """Return what a measure, on the members' device, says of each network."""
    found = [logits.float().cpu() for logits in _answered(members, measure.split)]
    return [measure.error(logits) for logits in torch.cat(found, 1)]


def _answered(members: Members, part: Split) -> Iterator[Tensor]:
    """Yield the logits (N, strings, C) of a few strings after the other, in their order."""
    cell, parts = CELLS[members.cell](), blocks(members)
    size = _EVALUATED_COMPILED if compiled.fits(members) else _EVALUATED
    for start in range(0, len(part), size):
        rows = slice(start, start + size)
        packed = pack(part.inputs[rows], part.targets[rows], members.sizes[0])
        logits = torch.cat([answers(some, cell, packed) for some in parts])
        assert packed.order is not None  # `pack` says it
        yield logits[:, packed.order.argsort()]


def _result(
    module: nn.Module,
    masks: Mapping[str, Tensor],
    curve: Sequence[Epoch],
    task: Task,
    recipe: Recipe,
    seconds: float,
    failed: str | None,
    errors: Mapping[str, float],
) -> Outcome | Failure:
    if failed is not None:
        return Failure("non_finite_loss", failed, seconds)
    counts = present_counts(module, masks)
    accuracy = curve[-1].val_accuracy
    assert accuracy is not None  # the last epoch is always validated
    cost = multiply_adds(module, task.signature.input_shape, masks)
    return Outcome(accuracy, tuple(curve), recipe.epochs, seconds, *counts, cost, measures=errors)


def present_counts(module: nn.Module, masks: Mapping[str, Tensor]) -> tuple[int, int]:
    """Return how many prunable weights are kept, and how many entries their tensors have."""
    there = existing(module)
    kept = sum(int(masks[name].count_nonzero()) if name in masks else count for name, count in there.items())
    return kept, sum(weight.numel() for weight in prunable(module).values())
