"""Losses and gradients of a whole population for one batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from nas.training.population import compiled
from nas.training.population.cells import Cell
from nas.training.population.members import Members
from nas.training.population.packing import Packed


def answers(members: Members, cell: Cell, packed: Packed) -> Tensor:
    """Return the logits (N, B, C), by the compiled kernel where it fits."""
    return compiled.answers(members, packed) if compiled.fits(members) else logits(members, cell, packed)[0]


def logits(members: Members, cell: Cell, packed: Packed) -> tuple[Tensor, Tensor]:
    """Return the logits (N, B, C) and the last states (N, B, H)."""
    table, hidden, head, bias = members.parts(members.values)
    last = cell.forward(functional.pad(table, (0, 0, 0, 1)), hidden, packed)  # a row for the blank
    return torch.baddbmm(bias.unsqueeze(1), last, head), last


def gradient(members: Members, cell: Cell, packed: Packed, smoothing: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """Return each network's mean cross-entropy (N,), its right answers (N,) and the gradient (N, K), 0 where absent.

    The gradient is of each network's own mean loss; networks do not meet anywhere. The compiled kernel does it where it
    fits, with the same sums in another order.
    """
    if compiled.fits(members):
        losses, right, flat = compiled.gradient(members, packed, smoothing)
        return losses, right, flat.masked_fill_(~members.present, 0.0)
    found, last = logits(members, cell, packed)
    _, batch, classes = found.shape
    targets = functional.one_hot(packed.targets, classes).to(found.dtype)
    wanted = targets * (1 - smoothing) + smoothing / classes
    logs = found.log_softmax(-1)
    losses = -(logs * wanted).sum(-1).mean(-1)
    right = (found.argmax(-1) == packed.targets).sum(-1)
    of_logits = (logs.exp() - wanted) / batch
    _, _, head, _ = members.parts(members.values)
    of_last = torch.bmm(of_logits, head.transpose(1, 2))
    of_table, of_hidden = cell.backward(of_last)
    whole = (of_table[:, :-1], of_hidden, torch.bmm(last.transpose(1, 2), of_logits), of_logits.sum(1))
    flat = torch.cat([part.flatten(1) for part in whole], 1)
    return losses, right, flat.masked_fill_(~members.present, 0.0)
