"""Singular values that a descent left at zero: pushed off zero, descended from again, kept if that is lower."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from pruning.isometry.descent import descend
from pruning.isometry.penalty import Masked
from pruning.structural_rank import structural_rank

_ZERO = 1e-2
"""A singular value counts as zero if its square is at most this share of t."""

_PHASE = math.sqrt(2.0)
"""Radians from one entry of the first pattern to the next: no multiple is a full turn, so no two patterns agree."""


def descend_from_zeros(layer: Masked, steps: int, tolerance: float, pushes: int) -> tuple[Tensor, tuple[float, ...]]:
    """Return what `descend` does, singular values that it leaves at zero mended where the mask allows it.

    Where the descent ends with a singular value of zero it costs t^2, and the gradient towards it vanishes; with a
    mask it is even a minimum if no kept weight lies between the rows and the columns of its singular vectors. So a
    group in which more values are zero than its mask demands (its side less the structural rank) is pushed by
    the masked product u w', of the length of the wanted singular value, with u the vector of the least value on the
    smaller side and w a fixed pattern, another one at each of the `pushes`; and descended from again.

    What is returned is the lower of the two, group by group, so that penalties never increase; of a descent after a
    push its end alone stands in the list.
    """
    values, trace = descend(layer, steps, tolerance)
    number = failed = 0
    while failed < pushes and bool((stuck := _stuck(layer, values)).any()):
        push = _push(layer, values, number).masked_fill(~stuck[:, None, None], 0.0)
        other, _ = descend(replace(layer, values=values + push), steps, tolerance)
        better = _penalties(layer, other) < _penalties(layer, values) - _ZERO * layer.target**2
        values = torch.where(better[:, None, None], other, values)
        trace = (*trace, layer.penalty(layer.excess(values)))
        number += 1
        failed = 0 if bool(better.any()) else failed + 1
    return values, trace


def _stuck(layer: Masked, values: Tensor) -> Tensor:
    """Return for each group whether more of its singular values, but not all, are zero than the mask demands."""
    squares = torch.linalg.eigvalsh(values @ values.transpose(1, 2))
    zeros = (squares <= _ZERO * layer.target).sum(1)
    sides = values.shape[1]
    return torch.tensor(
        [
            bool(group.any()) and int(count) > 0 and int(count) > sides - structural_rank(mask)
            for group, count, mask in zip(values, zeros, layer.mask, strict=True)
        ]
    )


def _push(layer: Masked, values: Tensor, number: int) -> Tensor:
    """Return u w' on the kept weights, of Frobenius norm sqrt(t); u is a mixture of the vectors of all zeros."""
    gram = values @ values.transpose(1, 2)
    dead = (~layer.mask.any(2)).double() * (1.0 + gram.diagonal(dim1=1, dim2=2).sum(1, keepdim=True))
    squares, vectors = torch.linalg.eigh(gram + torch.diag_embed(dead))
    sides, others = (_pattern(size, number) for size in values.shape[1:])
    least = vectors @ (sides * (squares <= _ZERO * layer.target))[:, :, None]
    push: Tensor = (least * others).masked_fill(~layer.mask, 0.0)
    length = push.square().sum((1, 2)).sqrt()[:, None, None]
    return push * (math.sqrt(layer.target) / length.where(length > 0, 1.0))


def _pattern(size: int, number: int) -> Tensor:
    """Return fixed float64 numbers in [-1, 1], others for each number."""
    return torch.cos(_PHASE * (number + 1) * torch.arange(1, size + 1, dtype=torch.float64))


def _penalties(layer: Masked, values: Tensor) -> Tensor:
    """Return each group's ||A A' - t I||_F^2."""
    return layer.excess(values).square().sum((1, 2))
