"""Accuracy of a network on a split."""

from __future__ import annotations

import torch
from torch import nn

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
    device = split.inputs.device
    arithmetic = arithmetic or choose(device, "auto", None)
    right = torch.zeros((), dtype=torch.int64, device=device)
    finite = torch.ones((), dtype=torch.bool, device=device)
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.inference_mode(), arithmetic.autocast():
            for indices in _slices(len(split), _BATCH.get(device.type, _BATCH_ELSEWHERE)):
                if deadline is not None:
                    deadline.check()
                inputs, targets = task.batch(split, indices)
                logits = module(arithmetic.lay_out(inputs))
                right += (logits.argmax(1) == targets).sum()
                finite &= logits.isfinite().all()
    finally:
        for part, mode in modes:
            part.training = mode
    if not finite:
        raise TrainingFailed("non_finite_loss", "a trained network's outputs must be finite; got inf or nan.")
    return int(right) / len(split)


def _slices(count: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]
