"""Strings of different lengths without blanks: at each step only those that go on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Packed:
    """One batch of strings, longest first, step after step.

    Attributes:
        letters: for each step (B, F) float32, one row of a one and zeros for each string still running; B falls.
        targets: (B,) int64.
    """

    letters: tuple[Tensor, ...]
    targets: Tensor

    @property
    def sizes(self) -> tuple[int, ...]:
        """Strings still running at each step."""
        return tuple(len(step) for step in self.letters)


def pack(inputs: Tensor, targets: Tensor, blank: int) -> Packed:
    """Return strings (B, T), standing at the right end after blanks, as one packed batch.

    The strings of a batch are put in order of length; nothing that is summed over the batch depends on it.
    """
    lengths = (inputs != blank).sum(1)
    lengths, order = torch.sort(lengths, descending=True, stable=True)
    inputs, steps = inputs[order], int(lengths[0])
    width = inputs.shape[1]
    places = (width - lengths)[:, None] + torch.arange(steps, device=inputs.device)  # of each string's letters
    left = inputs.long().gather(1, places.clamp(max=width - 1))
    running = torch.arange(steps, device=inputs.device)[:, None] < lengths
    letters = functional.one_hot(left.t()[running], blank).float()
    return Packed(torch.split(letters, running.sum(1).tolist()), targets[order])
