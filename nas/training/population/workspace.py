"""Memory that is asked for once and used at every step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


class Workspace:
    """Named buffers that grow to the largest size asked for; a batch's arrays would otherwise be mapped anew each step.

    What a buffer held is undefined when it is asked for again.
    """

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, torch.dtype, torch.device], Tensor] = {}

    def __call__(self, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Return a contiguous tensor of a shape, of the type and on the device of `like`."""
        key, size = (name, like.dtype, like.device), math.prod(shape)
        held = self._buffers.get(key)
        if held is None or held.numel() < size:
            held = self._buffers[key] = torch.empty(size, dtype=key[1], device=key[2])
        return held[:size].view(shape)

    def steps(self, name: str, sizes: Sequence[int], weights: Tensor) -> list[Tensor]:
        """Return for each step a contiguous tensor (N, strings, H), for weights (N, H, H).

        Contiguous, since torch.bmm writes to anything else network by network.
        """
        networks, units, _ = weights.shape
        whole = self(name, (networks * sum(sizes) * units,), weights)
        parts = torch.split(whole, [networks * size * units for size in sizes])
        return [part.view(networks, size, units) for part, size in zip(parts, sizes, strict=True)]
