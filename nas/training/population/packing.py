"""Strings of different lengths, step after step: one batch for all networks, or one for each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Packed:
    """One batch of strings for all networks, or one for each of N; E is 1 or N.

    Attributes:
        codes: (E, letters of all steps) uint8, step after step, the strings that still run in each.
        sizes: strings still running at each step; never rising.
        targets: (E, B) int64.
        blank: the code before a string, with which a state of 0 stays 0; one more than the last letter's.
        order: (B,) int64, which string of the batch stands at each place; None if they stand as they came.
    """

    codes: Tensor
    sizes: tuple[int, ...]
    targets: Tensor
    blank: int
    order: Tensor | None = None

    @cached_property
    def letters(self) -> tuple[Tensor, ...]:
        """For each step (E, B, blank + 1) float32: one row of a one and zeros for each string still running."""
        whole = functional.one_hot(self.codes.long(), self.blank + 1).float()
        return tuple(part.contiguous() for part in torch.split(whole, list(self.sizes), dim=1))


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
    codes = left.t()[running].to(torch.uint8)
    return Packed(codes.unsqueeze(0), tuple(running.sum(1).tolist()), targets[order].unsqueeze(0), blank, order)


def pack_each(inputs: Tensor, targets: Tensor, blank: int) -> Packed:
    """Return a batch of strings for each network, (N, B, T) at the right end after blanks, with them.

    Networks' strings end at different steps when they begin at one; so they end at one, the last, and begin at many.
    """
    begun = int((inputs != blank).any(0).any(0).long().argmax())
    codes = inputs[:, :, begun:].transpose(1, 2).to(torch.uint8)
    return Packed(codes.flatten(1), (codes.shape[2],) * codes.shape[1], targets, blank)
