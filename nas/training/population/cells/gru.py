"""The gated recurrent unit."""

from __future__ import annotations

import torch
from torch import Tensor

from nas.training.population.cells.cell import (
    Cell,
    arriving,
    enter,
    gates,
    lasts,
    previous,
    sigmoid_slope,
    tanh_,
    tanh_slope,
)
from nas.training.population.cells.gated import Sums
from nas.training.population.packing import Packed


class GRU(Cell):
    """Gates r, z, n as PyTorch orders them: n = tanh(x_n + r (h W_n)), h' = n + z (h - n).

    Source: Cho et al., EMNLP 2014, arXiv 1406.1078, with the reset gate after the product, as in PyTorch.
    """

    def forward(self, table: Tensor, hidden: Tensor, packed: Packed) -> Tensor:
        """Return the last states."""
        self.packed, self.weights = packed, gates(hidden)
        tables = [part.contiguous() for part in torch.split(table, hidden.shape[1], -1)]
        tables[2].mul_(2)
        names = ("reset", "keep", "fresh", "product", "states")
        self.kept = [self.space.steps(name, packed.sizes, hidden) for name in names]
        for step, letters in enumerate(packed.letters):
            reset, keep, fresh, product, states = (arrays[step] for arrays in self.kept)
            for gate, rows in zip((reset, keep, fresh), tables, strict=True):
                enter(letters, rows, gate)
            if step:
                before = previous(self.kept[-1], step)
                reset.baddbmm_(before, self.weights[0])
                keep.baddbmm_(before, self.weights[1])
                torch.bmm(before, self.weights[2], out=product)
                tanh_(fresh.addcmul_(reset.sigmoid_(), product, value=2))
                torch.lerp(fresh, before, keep.sigmoid_(), out=states)
            else:
                torch.addcmul(tanh_(fresh), keep.sigmoid_(), fresh, value=-1, out=states)
        return lasts(self.kept[-1])

    def backward(self, last: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of input rows and hidden weights."""
        sums = Sums(self.weights, self.packed)
        carried: Tensor | None = None
        for step in reversed(range(len(self.packed.letters))):
            reset, keep, fresh, product, states = (arrays[step] for arrays in self.kept)
            gradient = arriving(carried, last, states.shape[1])
            scratch, kept = (self.space(n, tuple(states.shape), states) for n in ("scratch", f"kept {step % 2}"))
            torch.mul(gradient, keep, out=kept)
            before = previous(self.kept[-1], step) if step else None
            torch.neg(fresh, out=scratch) if before is None else torch.sub(before, fresh, out=scratch)
            sigmoid_slope(scratch.mul_(gradient), keep, grad_input=keep)
            tanh_slope(torch.sub(gradient, kept, out=scratch), fresh, grad_input=fresh)
            if before is None:
                sums.enter_(step, (reset.zero_(), keep, fresh))
            else:
                torch.mul(fresh, product, out=scratch)
                torch.mul(fresh, reset, out=product)
                sigmoid_slope(scratch, reset, grad_input=reset)
                sums.enter_(step, (reset, keep, fresh))
                carried = sums.recur_(before, (reset, keep, product), kept)
        return sums.whole()
