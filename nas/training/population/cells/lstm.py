"""Long short-term memory."""

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


class LSTM(Cell):
    """Gates i, f, g, o as PyTorch orders them: c' = f c + i g, h' = o tanh(c').

    Source: Hochreiter and Schmidhuber 1997; the forget gate: Gers, Schmidhuber and Cummins 2000.
    """

    def forward(self, table: Tensor, hidden: Tensor, packed: Packed) -> Tensor:
        """Return the last states."""
        self.packed, self.weights = packed, gates(hidden)
        self.weights[2].mul_(2)  # the fresh values, for `tanh_`; `backward` undoes it
        tables = [part.contiguous() for part in torch.split(table, hidden.shape[1], -1)]
        tables[2].mul_(2)
        names = ("enter", "forget", "fresh", "leave", "memory", "shown", "states")
        self.kept = [self.space.steps(name, packed.sizes, hidden) for name in names]
        for step, letters in enumerate(packed.letters):
            *values, memory, shown, states = (arrays[step] for arrays in self.kept)
            for gate, (into, rows) in enumerate(zip(values, tables, strict=True)):
                enter(letters, rows, into)
                if step:
                    into.baddbmm_(previous(self.kept[-1], step), self.weights[gate])
                if gate == 2:
                    tanh_(into)
                else:
                    into.sigmoid_()
            torch.mul(values[0], values[2], out=memory)
            if step:
                memory.addcmul_(values[1], previous(self.kept[-3], step))
            tanh_(torch.mul(memory, 2, out=shown))
            torch.mul(values[3], shown, out=states)
        return lasts(self.kept[-1])

    def backward(self, last: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of input rows and hidden weights."""
        self.weights[2].div_(2)
        sums, none = Sums(self.weights, self.packed), torch.zeros_like(last)
        carried: Tensor | None = None
        held: Tensor | None = None
        for step in reversed(range(len(self.packed.letters))):
            way_in, forget, fresh, leave, _, shown, states = (arrays[step] for arrays in self.kept)
            size, shape = states.shape[1], tuple(states.shape)
            gradient = arriving(carried, last, size)
            of_in, of_forget, of_fresh, of_leave, scratch = (
                self.space(name, shape, states) for name in ("of in", "of forget", "of fresh", "of leave", "scratch")
            )
            sigmoid_slope(torch.mul(gradient, shown, out=of_leave), leave, grad_input=of_leave)
            tanh_slope(torch.mul(gradient, leave, out=scratch), shown, grad_input=scratch)
            scratch.add_(arriving(held, none, size))  # the gradient of the memory
            sigmoid_slope(torch.mul(scratch, fresh, out=of_in), way_in, grad_input=of_in)
            tanh_slope(torch.mul(scratch, way_in, out=of_fresh), fresh, grad_input=of_fresh)
            if step:
                torch.mul(scratch, previous(self.kept[-3], step), out=of_forget)
                sigmoid_slope(of_forget, forget, grad_input=of_forget)
            else:
                of_forget.zero_()
            slopes = (of_in, of_forget, of_fresh, of_leave)
            sums.enter_(step, slopes)
            if step:
                held = torch.mul(scratch, forget, out=self.space("held", shape, states))
                carried = sums.recur_(
                    previous(self.kept[-1], step), slopes, self.space("carried", shape, states).zero_()
                )
        return sums.whole()
