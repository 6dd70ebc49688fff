"""Letters as inputs: one feature each, and nothing at all where a string has not begun."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class OneHot:
    """Numbers 0..letters-1 become unit vectors, the blank `letters` becomes the zero vector."""

    letters: int

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return tokens (batch, time), any integer type, as float32 (batch, time, letters)."""
        steps = torch.arange(self.letters, dtype=inputs.dtype, device=inputs.device)
        return (inputs.unsqueeze(-1) == steps).float()

    @property
    def constants(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """One mean and standard deviation for all, of unit vectors as they are: 0 and 1."""
        return (0.0,), (1.0,)

    def to(self, device: torch.device | str) -> OneHot:
        """Return itself: there is nothing to move."""
        return self
