"""What a task measures beside accuracy, where an objective asks for it: an error on inputs of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from nas.tasks.task import Split


@dataclass(frozen=True, eq=False)
class Measure:
    """An error in [0, 1] that a trained network is asked for; `name` is that of an objective (nas/objectives.py).

    Attributes:
        split: the inputs; its targets are what `error` needs them for.
        error: logits of the whole split (count, classes), float32 on the CPU -> error. It can be pickled.
    """

    name: str
    split: Split
    error: Callable[[Tensor], float]

    def to(self, device: torch.device | str) -> Measure:
        """Return the measure with its inputs on `device`."""
        return replace(self, split=self.split.to(device))


@dataclass(frozen=True, eq=False)
class WrongShare:
    """The share of inputs whose largest logit is not that of the target, int64 (count,)."""

    targets: Tensor

    def __call__(self, logits: Tensor) -> float:
        """Return it for logits (count, classes)."""
        return float((logits.argmax(1) != self.targets).double().mean())
