"""In which number format and memory layout a device trains fastest."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nas.training.recipe import Precision


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Whether convolutions and matrix products run in bfloat16, and whether channels are the innermost axis.

    Parameters and the optimiser's state stay float32 either way.
    """

    device: torch.device
    bfloat16: bool
    channels_last: bool

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which forward passes run."""
        if not self.bfloat16:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def lay_out(self, inputs: Tensor) -> Tensor:
        """Return a batch of images in the chosen memory layout (the same tensor if it has it)."""
        wanted = self.channels_last and inputs.ndim == 4
        return inputs.contiguous(memory_format=torch.channels_last) if wanted else inputs

    def prepare_(self, module: nn.Module) -> None:
        """Move the module's parameters to the device, in the chosen memory layout."""
        module.to(self.device)
        if self.channels_last:
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def choose(device: torch.device, precision: Precision, channels_last: bool | None) -> Arithmetic:
    """Return the arithmetic for `device`; "auto" and None stand for what is faster there.

    The rule is fixed, so that it cannot differ between two runs. It was measured on a CPU with bfloat16
    instructions: residual and plain convolutional networks train 1.5 to 2.5 times as fast in bfloat16 with
    channels last as in plain float32, and 1.2 to 1.5 times in float32 with channels last. A GPU's tensor cores
    want channels last too; without them the plain layout stays.
    """
    bfloat16 = has_fast_bfloat16(device) if precision == "auto" else precision == "bfloat16"
    if channels_last is None:
        channels_last = bfloat16 or device.type == "cpu"
    return Arithmetic(device, bfloat16, channels_last)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether the device has instructions for bfloat16 products (not an emulation, which is slower)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        # The public torch.cpu.get_capabilities is younger than the oldest torch supported; these are not.
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False
