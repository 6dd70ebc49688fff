"""Recurrent cells over many networks at once, each with a backward pass written by hand.

Rows are the letters of a packed batch (P of them), N networks, H units, G gates. A step multiplies the states of the
step before by each network's own weights, one batched product; the backward pass runs the steps in reverse, with one
product for the state's gradient and one that adds to the weights', while both factors are still in the cache. What
else a step of the backward pass needs is computed beforehand for all rows in a few long operations, so that a step is
two products and one to five element-wise operations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor

from nas.training.population.packing import Packed
from nas.training.population.workspace import Workspace

_MINUS_ONE = torch.tensor(-1.0)


class Cell(ABC):
    """One kind of recurrent unit; it remembers the last `forward` for one `backward`."""

    gates: int

    def __init__(self) -> None:
        self.space = Workspace()

    @abstractmethod
    def forward(self, table: Tensor, hidden: Tensor, packed: Packed) -> Tensor:
        """Return the states (N, P, H) for input rows (N, F, G H) and hidden weights (N, H, G H).

        They lie in the cell's workspace and are valid until the next call.
        """

    @abstractmethod
    def backward(self, last: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the gradients of input rows, (N, P, H) for each gate, and of hidden weights (N, H, G H).

        Args:
            last: gradient of each string's last state, (N, B, H), in the order of the batch.
        """

    def gathered(self, table: Tensor, tokens: Tensor, gates: int) -> list[Tensor]:
        """Return for each gate (N, P, H): every letter's row of each network's table (N, F, G H).

        That is the product with one-hot letters. Gates lie apart, so that what is done to one runs through memory in
        one piece.
        """
        networks, letters, width = table.shape
        rows = self.space("rows", (networks, len(tokens)), table, torch.int64)
        torch.add(torch.arange(networks, device=table.device)[:, None] * letters, tokens, out=rows)
        units, found = width // gates, []
        for gate, part in enumerate(torch.split(table, units, -1)):
            into = self.space(f"inputs {gate}", (networks * len(tokens), units), table)
            torch.index_select(part.reshape(-1, units), 0, rows.view(-1), out=into)
            found.append(into.view(networks, len(tokens), units))
        return found


def going_on(packed: Packed, step: int) -> slice:
    """Return the rows of the step before whose strings go on to `step`."""
    start = packed.starts[step - 1]
    return slice(start, start + packed.sizes[step])


def rows_of(packed: Packed) -> list[slice]:
    """Return the rows of each step."""
    return [slice(start, start + size) for start, size in zip(packed.starts, packed.sizes, strict=True)]


def previous(states: Tensor, packed: Packed, out: Tensor) -> Tensor:
    """Return `out` (N, P, H) filled with the states of the step before each row, 0 where a string begins."""
    for step, rows in enumerate(rows_of(packed)):
        out[:, rows] = states[:, going_on(packed, step)] if step else 0
    return out


def arriving(packed: Packed, step: int, carried: Tensor | None, last: Tensor) -> Tensor:
    """Return the gradient of a step's states: carried back from the next step or, where a string ends, `last`.

    Strings are in order of length, so those that end are the last ones of the step.
    """
    size = packed.sizes[step]
    if carried is None:
        return last[:, :size]
    going = carried.shape[1]
    return carried if going == size else torch.cat((carried, last[:, going:size]), 1)


def by_sigmoid(like: Tensor) -> bool:
    """Return whether tanh(x) is had as 2 sigmoid(2 x) - 1: on a CPU that is four times as fast as tanh itself.

    The detour costs about 1e-7, absolutely; float32 holds states of up to 1 no better.
    """
    return like.device.type == "cpu" and like.dtype == torch.float32


def tanh(values: Tensor, out: Tensor, *, doubled: bool = False) -> None:
    """Write tanh(values) to `out`; `values` is spent. With `doubled`, it holds twice the argument already."""
    if doubled or by_sigmoid(values):
        (values if doubled else values.mul_(2)).sigmoid_()
        torch.add(_MINUS_ONE, values, alpha=2, out=out)
    else:
        torch.tanh(values, out=out)


class Plain(Cell):
    """h' = f(x + h W) with f tanh or ReLU (Elman 1990)."""

    gates = 1

    def __init__(self, activation: str) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, table: Tensor, hidden: Tensor, packed: Packed) -> Tensor:
        """Return the states."""
        self.packed, self.hidden = packed, hidden
        (states,) = self.gathered(table, packed.tokens, 1)  # inputs, replaced by states step by step
        doubled = self.activation == "tanh" and by_sigmoid(states)
        scale = 2 if doubled else 1
        for step, rows in enumerate(rows_of(packed)):
            into = states[:, rows]
            made = self.space("step", tuple(into.shape), into)
            if step == 0:
                torch.mul(into, scale, out=made)
            else:
                before = states[:, going_on(packed, step)]
                torch.baddbmm(into, before, hidden, beta=scale, alpha=scale, out=made)
            if self.activation == "tanh":
                tanh(made, into, doubled=doubled)
            else:
                torch.clamp(made, min=0, out=into)
        self.states = states
        return states

    def backward(self, last: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the gradients of input rows and hidden weights."""
        packed, states, back = self.packed, self.states, self.hidden.transpose(1, 2)
        made, weights = self.space("gradients", tuple(states.shape), states), torch.zeros_like(self.hidden)
        carried: Tensor | None = None
        for step, rows in reversed(list(enumerate(rows_of(packed)))):
            arrived, gradient = arriving(packed, step, carried, last), made[:, rows]
            if self.activation == "tanh":
                torch.ops.aten.tanh_backward.grad_input(arrived, states[:, rows], grad_input=gradient)
            else:
                torch.mul(arrived, states[:, rows] > 0, out=gradient)
            if step:
                weights.baddbmm_(states[:, going_on(packed, step)].transpose(1, 2), gradient)
                carried = torch.bmm(gradient, back, out=self.space("carried", tuple(gradient.shape), gradient))
        return [made], weights


class GRU(Cell):
    """Gates r, z, n as PyTorch orders them: n = tanh(x_n + r (h W_n)), h' = n + z (h - n).

    Source: Cho et al., EMNLP 2014, arXiv 1406.1078, with the reset gate after the product, as in PyTorch.
    """

    gates = 3

    def forward(self, table: Tensor, hidden: Tensor, packed: Packed) -> Tensor:
        """Return the states."""
        self.packed, self.weights = packed, torch.split(hidden, hidden.shape[1], -1)
        reset, keep, fresh = self.gathered(table, packed.tokens, 3)
        states, product = (self.space(name, tuple(fresh.shape), fresh) for name in ("states", "product"))
        product[:, : packed.sizes[0]] = 0  # h W_n of each row; 0 where a string begins
        for step, rows in enumerate(rows_of(packed)):
            made, before = fresh[:, rows], torch.zeros_like(fresh[:, rows])
            if step:
                before = states[:, going_on(packed, step)]
                for gate, weight in ((reset, self.weights[0]), (keep, self.weights[1])):
                    torch.sigmoid(torch.baddbmm(gate[:, rows], before, weight), out=gate[:, rows])
                product[:, rows] = torch.bmm(before, self.weights[2])
            else:
                reset[:, rows].sigmoid_()
                keep[:, rows].sigmoid_()
            tanh(torch.addcmul(made, reset[:, rows], product[:, rows]), made)
            torch.lerp(made, before, keep[:, rows], out=states[:, rows])
        self.states, self.product, self.reset, self.keep, self.fresh = states, product, reset, keep, fresh
        return states

    def backward(self, last: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the gradients of input rows, gate by gate, and of hidden weights."""
        packed, fresh, keep, reset = self.packed, self.fresh, self.keep, self.reset
        names = ("of reset", "of keep", "of product", "of fresh", "scratch")
        of_reset, of_keep, of_product, of_fresh, scratch = (
            self.space(name, tuple(fresh.shape), fresh) for name in names
        )
        torch.mul(fresh, fresh, out=scratch).neg_().add_(1)
        torch.addcmul(scratch, scratch, keep, value=-1, out=of_fresh)
        torch.mul(of_fresh, reset, out=of_product)
        torch.mul(of_product, self.product, out=scratch)
        torch.addcmul(scratch, scratch, reset, value=-1, out=of_reset)
        previous(self.states, packed, scratch).sub_(fresh).mul_(keep)
        torch.addcmul(scratch, scratch, keep, value=-1, out=of_keep)
        into = (of_reset, of_keep, of_product)
        weights = [torch.zeros_like(weight, memory_format=torch.contiguous_format) for weight in self.weights]
        carried: Tensor | None = None
        for step, rows in reversed(list(enumerate(rows_of(packed)))):
            gradient = arriving(packed, step, carried, last)
            for slopes in (*into, of_fresh):
                slopes[:, rows].mul_(gradient)
            if step:
                before = self.states[:, going_on(packed, step)].transpose(1, 2)
                carried = torch.mul(gradient, keep[:, rows])
                for slopes, weight, total in zip(into, self.weights, weights, strict=True):
                    total.baddbmm_(before, slopes[:, rows])
                    carried.baddbmm_(slopes[:, rows], weight.transpose(1, 2))
        return [of_reset, of_keep, of_fresh], torch.cat(weights, -1)


class LSTM(Cell):
    """Gates i, f, g, o as PyTorch orders them: c' = f c + i g, h' = o tanh(c').

    Source: Hochreiter and Schmidhuber 1997; the forget gate: Gers, Schmidhuber and Cummins 2000.
    """

    gates = 4

    def forward(self, table: Tensor, hidden: Tensor, packed: Packed) -> Tensor:
        """Return the states."""
        self.packed, self.weights = packed, torch.split(hidden, hidden.shape[1], -1)
        gates = self.gathered(table, packed.tokens, 4)
        enter, forget, fresh, leave = gates
        states, memory, shown = (self.space(name, tuple(fresh.shape), fresh) for name in ("states", "memory", "shown"))
        for step, rows in enumerate(rows_of(packed)):
            before = states[:, going_on(packed, step)] if step else None
            for gate, weight in zip(gates, self.weights, strict=True):
                into = gate[:, rows]
                made = into.clone() if before is None else torch.baddbmm(into, before, weight)
                if gate is fresh:
                    tanh(made, into)
                else:
                    torch.sigmoid(made, out=into)
            cells = torch.mul(enter[:, rows], fresh[:, rows], out=memory[:, rows])
            if step:
                cells.addcmul_(forget[:, rows], memory[:, going_on(packed, step)])
            tanh(cells.clone(), shown[:, rows])
            torch.mul(leave[:, rows], shown[:, rows], out=states[:, rows])
        self.states, self.values, self.memory, self.shown = states, gates, memory, shown
        return states

    def backward(self, last: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the gradients of input rows, gate by gate, and of hidden weights."""
        packed, shown = self.packed, self.shown
        enter, forget, fresh, leave = self.values
        names = ("of enter", "of forget", "of fresh", "of leave", "into memory", "scratch")
        of_enter, of_forget, of_fresh, of_leave, into_memory, scratch = (
            self.space(name, tuple(shown.shape), shown) for name in names
        )
        torch.mul(fresh, enter, out=scratch)  # the first three: times the gradient of the memory
        torch.addcmul(scratch, scratch, enter, value=-1, out=of_enter)
        previous(self.memory, packed, scratch).mul_(forget)
        torch.addcmul(scratch, scratch, forget, value=-1, out=of_forget)
        torch.mul(enter, fresh, out=scratch)
        torch.addcmul(enter, scratch, fresh, value=-1, out=of_fresh)
        torch.mul(shown, leave, out=scratch)  # the last: times the gradient of the state
        torch.addcmul(scratch, scratch, leave, value=-1, out=of_leave)
        torch.addcmul(leave, scratch, shown, value=-1, out=into_memory)
        slopes = (of_enter, of_forget, of_fresh, of_leave)
        weights = [torch.zeros_like(weight, memory_format=torch.contiguous_format) for weight in self.weights]
        carried: Tensor | None = None
        kept: Tensor | None = None
        none = torch.zeros_like(last)
        for step, rows in reversed(list(enumerate(rows_of(packed)))):
            gradient = arriving(packed, step, carried, last)
            of_memory = torch.addcmul(arriving(packed, step, kept, none), gradient, into_memory[:, rows])
            for part in slopes[:3]:
                part[:, rows].mul_(of_memory)
            of_leave[:, rows].mul_(gradient)
            if step:
                before = self.states[:, going_on(packed, step)].transpose(1, 2)
                carried = torch.zeros_like(gradient)
                for part, weight, total in zip(slopes, self.weights, weights, strict=True):
                    total.baddbmm_(before, part[:, rows])
                    carried.baddbmm_(part[:, rows], weight.transpose(1, 2))
                kept = of_memory.mul_(forget[:, rows])
        return list(slopes), torch.cat(weights, -1)


CELLS: MappingProxyType[str, Callable[[], Cell]] = MappingProxyType(
    {"tanh": lambda: Plain("tanh"), "relu": lambda: Plain("relu"), "gru": GRU, "lstm": LSTM}
)
"""Name of a cell -> how to make one."""
