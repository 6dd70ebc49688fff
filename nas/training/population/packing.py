"""Strings of different lengths, step after step: one batch for all networks, or one for each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Packed:
    """One batch of strings for all networks, or one for each of N; E is 1 or N.

    Attributes:
        letters: for each step (E, B, F + 1) float32, one row of a one and zeros for each string still running; B never
            rises. The last column is the blank before a string, with which a state of 0 stays 0.
        targets: (E, B) int64.
    """

    letters: tuple[Tensor, ...]
    targets: Tensor

    @property
    def sizes(self) -> tuple[int, ...]:
        """Strings still running at each step."""
        return tuple(step.shape[1] for step in self.letters)


def pack(inputs: Tensor, targets: Tensor, blank: int) -> Packed:
    """Return strings (B, T), at the right end after blanks, as one batch for all networks, without blanks.

    The strings of a batch are put in order of length; nothing that is summed over the batch depends on it.
    """
    lengths = (inputs != blank).sum(1)
    lengths, order = torch.sort(lengths, descending=True, stable=True)
    inputs, steps = inputs[order], int(lengths[0])
    width = inputs.shape[1]
    places = (width - lengths)[:, None] + torch.arange(steps, device=inputs.device)  # of each string's letters
    left = inputs.long().gather(1, places.clamp(max=width - 1))
    running = torch.arange(steps, device=inputs.device)[:, None] < lengths
    letters = functional.one_hot(left.t()[running], blank + 1).float()
    parts = torch.split(letters, running.sum(1).tolist())
    return Packed(tuple(part.unsqueeze(0) for part in parts), targets[order].unsqueeze(0))


def pack_each(inputs: Tensor, targets: Tensor, blank: int) -> Packed:
    """Return a batch of strings for each network, (N, B, T) at the right end after blanks, with them.

    Networks' strings end at different steps when they begin at one; so they end at one, the last, and begin at many.
    """
    begun = int((inputs != blank).any(0).any(0).long().argmax())
    letters = functional.one_hot(inputs[:, :, begun:].permute(2, 0, 1).long(), blank + 1).float()
    return Packed(letters.unbind(0), targets)
