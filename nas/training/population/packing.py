"""Strings of different lengths without blanks: at each step only those that go on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Packed:
    """One batch of strings, longest first, step after step; P letters in all.

    Attributes:
        tokens: (P,) int64, the letters of step 0, then of step 1, and so on.
        sizes: strings still running at each step, falling.
        starts: row of each step's first letter.
        last: (B,) int64, row of each string's last letter, in the order of `targets`.
        targets: (B,) int64.
    """

    tokens: Tensor
    sizes: tuple[int, ...]
    starts: tuple[int, ...]
    last: Tensor
    targets: Tensor


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
    sizes = running.sum(1)
    starts = torch.cumsum(sizes, 0) - sizes
    last = starts[lengths - 1] + torch.arange(len(order), device=inputs.device)
    counts, firsts = torch.stack((sizes, starts)).tolist()
    return Packed(left.t()[running], tuple(counts), tuple(firsts), last, targets[order])
