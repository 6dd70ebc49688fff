"""Random crop and flip of a whole batch at once, on the device where the batch is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from nas.errors import NasError


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Each image padded by `pad` pixels, cropped back at a random place and, if `flip`, mirrored half the time.

    `border` says what is outside: "reflect" (the picture continued) or "zero" (raw 0: black, or MNIST's paper).
    """

    pad: int
    flip: bool = False
    border: Literal["reflect", "zero"] = "reflect"

    def __post_init__(self) -> None:
        if self.pad < 0:
            raise NasError(f"augmentation pad must be at least 0 pixels; got {self.pad}. Use 0 for no crop.")
        if self.border not in ("reflect", "zero"):
            raise NasError(f"augmentation border must be 'reflect' or 'zero'; got {self.border!r}.")

    def __call__(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Return a new batch (batch, channels, height, width) of the same dtype and device, contiguous.

        Shifts and flips become two index tables, rows (batch, height) and columns (batch, width); one gather
        through their sum does padding, crop and flip together, so its cost does not grow with the number of
        augmentations. `generator` must be on the device of `inputs`, which stays untouched.

        Raises:
            NasError: a reflection would need more pixels than the image has.
        """
        height, width = inputs.shape[-2:]
        if self.border == "reflect" and self.pad >= min(height, width):
            raise NasError(
                f"reflected padding must be smaller than the image; got {self.pad} for {height}x{width}. "
                f"Use border 'zero' or a smaller pad."
            )
        rows = self._places(len(inputs), height, inputs.device, generator)
        columns = self._places(len(inputs), width, inputs.device, generator)
        if self.flip:
            mirrored = torch.rand(len(inputs), 1, device=inputs.device, generator=generator) < 0.5
            columns = torch.where(mirrored, columns.flip(1), columns)
        if self.border == "zero":
            inputs = functional.pad(inputs, (self.pad,) * 4)
        return _pick(inputs, rows, columns)

    def _places(self, count: int, size: int, device: torch.device, generator: torch.Generator) -> Tensor:
        """Return for each image which line of the source its `size` lines come from: int64 (count, size)."""
        shift = torch.randint(2 * self.pad + 1, (count, 1), device=device, generator=generator)
        places = shift + torch.arange(size, device=device)
        if self.border == "zero":
            return places
        distance = (places - self.pad).abs()  # mirrored at line 0, which is not repeated
        return (size - 1) - ((size - 1) - distance).abs()  # mirrored at the last line


def _pick(inputs: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return `inputs[n, c, rows[n, i], columns[n, j]]` as (batch, channels, height, width)."""
    count, channels, _, stride = inputs.shape
    flat = (rows[:, :, None] * stride + columns[:, None, :]).view(count, 1, -1).expand(-1, channels, -1)
    return inputs.flatten(2).gather(2, flat).view(count, channels, rows.shape[1], columns.shape[1])
