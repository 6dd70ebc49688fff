"""Memory that is asked for once and used at every step."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Workspace:
    """Named buffers that grow to the largest size asked for; a batch's arrays would otherwise be mapped anew each step.

    What a buffer held is undefined when it is asked for again.
    """

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, torch.dtype, torch.device], Tensor] = {}

    def __call__(self, name: str, shape: tuple[int, ...], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Return a contiguous tensor of a shape, on the device and (by default) of the type of `like`."""
        key, size = (name, dtype or like.dtype, like.device), math.prod(shape)
        held = self._buffers.get(key)
        if held is None or held.numel() < size:
            held = self._buffers[key] = torch.empty(size, dtype=key[1], device=key[2])
        return held[:size].view(shape)
