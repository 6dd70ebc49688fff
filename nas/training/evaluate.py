"""What a network answers on a split, and how often that is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from nas.tasks.task import Split, Task
from nas.training.arithmetic import Arithmetic, choose
from nas.training.deadline import Deadline
from nas.training.failure import TrainingFailed

_BATCH = {"cuda": 4096}
_BATCH_ELSEWHERE = 256


def evaluate(
    module: nn.Module,
    split: Split,
    task: Task,
    *,
    arithmetic: Arithmetic | None = None,
    deadline: Deadline | None = None,
) -> float:
    """Return the fraction of `split` (of `task`) that the module classifies rightly, in [0, 1].

    In evaluation mode and without gradients; train/eval mode is put back. The module and the split are on one
    device. `arithmetic` is by default the fastest there.

    Raises:
        TrainingFailed: "non_finite_loss" if an output is not finite, "time_limit" past the deadline.
    """
    right = torch.zeros((), dtype=torch.int64, device=split.inputs.device)
    finite = torch.ones((), dtype=torch.bool, device=split.inputs.device)
    for logits, targets in _answers(module, split, task, arithmetic, deadline):
        right += (logits.argmax(1) == targets).sum()
        finite &= logits.isfinite().all()
    _check(finite)
    return int(right) / len(split)


def measured_errors(module: nn.Module, task: Task, names: Sequence[str]) -> dict[str, float]:
    """Return what the task's measures of these names say of a trained network on the task's device.

    Raises:
        NasError: the task has no such measure. TrainingFailed: an output is not finite.
    """
    errors = {}
    for name in names:
        measure = task.measure(name)
        found = torch.cat([logits.float().cpu() for logits, _ in _answers(module, measure.split, task)])
        _check(found.isfinite().all())
        errors[name] = measure.error(found)
    return errors


def _answers(
    module: nn.Module, split: Split, task: Task, arithmetic: Arithmetic | None = None, deadline: Deadline | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield logits and targets of a split, batch by batch; to be read to the end, after which modes are put back."""
    device = split.inputs.device
    arithmetic = arithmetic or choose(device, "auto", None)
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        for indices in _slices(len(split), _BATCH.get(device.type, _BATCH_ELSEWHERE)):
            if deadline is not None:
                deadline.check()
            with torch.inference_mode(), arithmetic.autocast():
                inputs, targets = task.batch(split, indices)
                logits = module(arithmetic.lay_out(inputs))
            yield logits, targets
    finally:
        for part, mode in modes:
            part.training = mode


def _check(finite: Tensor) -> None:
    if not finite:
        raise TrainingFailed("non_finite_loss", "a trained network's outputs must be finite; got inf or nan.")


def _slices(count: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]
