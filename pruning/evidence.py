"""What a pruning method may look at besides the network itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pruning.errors import PruningError


@dataclass(frozen=True, eq=False)
class Evidence:
    """The shape of one input, the only source of randomness, and (for data-driven methods) one batch.

    Attributes:
        input_shape: shape of one sample, without the batch axis.
        generator: a CPU generator; the state it is in decides every random draw and every tie.
        inputs: shape (batch, *input_shape), floating point, on any device.
        targets: shape (batch,), int64 class indices.

    Raises:
        PruningError: a size is not positive, the generator is not on the CPU, or inputs and targets disagree
            with `input_shape` or with each other.
    """

    input_shape: tuple[int, ...]
    generator: torch.Generator
    inputs: Tensor | None = None
    targets: Tensor | None = None

    def __post_init__(self) -> None:
        shape = tuple(int(size) for size in self.input_shape)
        object.__setattr__(self, "input_shape", shape)
        if not shape or min(shape) < 1:
            raise PruningError(
                f"input_shape must hold positive sizes; got {shape} (evidence.input_shape). "
                f"Give the shape of one sample, without the batch axis."
            )
        if self.generator.device.type != "cpu":
            raise PruningError(
                f"generator must be on the CPU; got {self.generator.device} (evidence.generator). "
                f"Masks are the same on every device because their randomness is drawn on the CPU."
            )
        if self.inputs is not None:
            _check_inputs(self.inputs, shape)
        if self.targets is not None:
            _check_targets(self.targets, self.inputs)


def _check_inputs(inputs: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(inputs.shape[1:]) != shape or len(inputs) == 0 or not inputs.is_floating_point():
        raise PruningError(
            f"inputs must be a floating-point batch of shape (n >= 1, {', '.join(map(str, shape))}); "
            f"got {tuple(inputs.shape)} {inputs.dtype} (evidence.inputs). Normalise and stack the samples."
        )


def _check_targets(targets: Tensor, inputs: Tensor | None) -> None:
    batch = len(targets) if inputs is None and targets.dim() else 0 if inputs is None else len(inputs)
    if tuple(targets.shape) != (batch,) or targets.dtype != torch.int64:
        raise PruningError(
            f"targets must be int64 class indices of shape ({batch},), one for each input; "
            f"got {tuple(targets.shape)} {targets.dtype} (evidence.targets). Give one class per sample."
        )
