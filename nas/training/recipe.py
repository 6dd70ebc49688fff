"""How a network is trained: every setting of the loop in one immutable, validated value."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from nas.errors import NasError

OptimizerName: TypeAlias = Literal["sgd", "adamw"]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]
Schedule: TypeAlias = Literal["linear", "cosine"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings of one training.

    The rate rises linearly from near 0 to `learning_rate` over the first `warmup` share of all steps, then
    falls by `schedule` to near 0 at the last. `momentum` is SGD's (Nesterov) or AdamW's first beta.
    `weight_decay` acts on weights, never on biases or normalisation. `crop_pad` is how many pixels an image may
    shift (None: as the task's augmentation says). `channels_last=None` and `precision="auto"` choose what was
    measured faster on the device. Validation runs after every `evaluate_every` epochs (0: only after the last,
    which always has it). `compile` hands the network to torch.compile; `deterministic` asks a GPU for the same
    bits each run, at some speed (a CPU gives them).
    """

    epochs: int
    batch_size: int = 128
    optimizer: OptimizerName = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    warmup: float = 0.2
    schedule: Schedule = "linear"
    precision: Precision = "auto"
    channels_last: bool | None = None
    crop_pad: int | None = None
    evaluate_every: int = 0
    compile: bool = False
    deterministic: bool = False

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            NasError: a number is out of its range or a name is not among the known ones.
        """
        for name, low in (("epochs", 1), ("batch_size", 1), ("evaluate_every", 0)):
            _whole(name, getattr(self, name), low)
        if self.crop_pad is not None:
            _whole("crop_pad", self.crop_pad, 0)
        _number("learning_rate", self.learning_rate, 0.0, math.inf, low_open=True)
        _number("momentum", self.momentum, 0.0, 1.0)
        _number("weight_decay", self.weight_decay, 0.0, math.inf)
        _number("label_smoothing", self.label_smoothing, 0.0, 1.0)
        _number("warmup", self.warmup, 0.0, 1.0)
        _one_of("optimizer", self.optimizer, get_args(OptimizerName))
        _one_of("precision", self.precision, get_args(Precision))
        _one_of("schedule", self.schedule, get_args(Schedule))


def half_batch(recipe: Recipe) -> Recipe:
    """Return the recipe with half the batch and half the learning rate, for a network that does not fit otherwise.

    The rate goes with the batch, so that an epoch moves the weights as far (Goyal et al. 2017, arXiv:1706.02677).
    """
    return replace(recipe, batch_size=max(1, recipe.batch_size // 2), learning_rate=recipe.learning_rate / 2)


def _whole(name: str, value: object, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise NasError(f"recipe {name} must be a whole number, at least {low}; got {value!r}.")


def _number(name: str, value: float, low: float, high: float, *, low_open: bool = False) -> None:
    inside = math.isfinite(value) and low <= value < high and not (low_open and value == low)
    if not inside:
        bracket = "(" if low_open else "["
        shown = "finite" if math.isinf(high) else f"{high:g}"
        raise NasError(f"recipe {name} must be in {bracket}{low:g}, {shown}); got {value!r}.")


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise NasError(f"recipe {name} must be one of {', '.join(known)}; got {value!r}.")
