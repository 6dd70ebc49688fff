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
    def backward(self, last: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of input rows (N, P, G H) and hidden weights (N, H, G H) for that of the last states.

        Those are (N, B, H), in the order of the batch.
        """

    def gathered(self, table: Tensor, tokens: Tensor) -> Tensor:
        """Return (N, P, K): each letter's row of each network's table (N, F, K), the product with one-hot letters."""
        networks, letters, width = table.shape
        rows = self.space("rows", (networks, len(tokens)), table, torch.int64)
        torch.add(torch.arange(networks, device=table.device)[:, None] * letters, tokens, out=rows)
        found = self.space("inputs", (networks * len(tokens), width), table)
        torch.index_select(table.reshape(-1, width), 0, rows.view(-1), out=found)
        return found.view(networks, len(tokens), width)


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
        states = self.gathered(table, packed.tokens)  # inputs, replaced by states step by step
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

    def backward(self, last: Tensor) -> tuple[Tensor, Tensor]:
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
        return made, weights


class GRU(Cell):
    """Gates r, z, n as PyTorch orders them: n = tanh(x_n + r (h W_n)), h' = n + z (h - n).

    Source: Cho et al., EMNLP 2014, arXiv 1406.1078, with the reset gate after the product, as in PyTorch.
    """

    gates = 3

    def forward(self, table: Tensor, hidden: Tensor, packed: Packed) -> Tensor:
        """Return the states."""
        self.packed, self.hidden = packed, hidden
        units = hidden.shape[1]
        inputs = self.gathered(table, packed.tokens)
        gates, fresh = inputs[..., : 2 * units], inputs[..., 2 * units :]
        shape = (*inputs.shape[:2], units)
        states, product = (self.space(name, shape, inputs) for name in ("states", "product"))
        product[:, : packed.sizes[0]] = 0  # h W_n of each row; 0 where a string begins
        none = inputs.new_zeros(())
        for step, rows in enumerate(rows_of(packed)):
            made, into, before = gates[:, rows], fresh[:, rows], none
            if step:
                before = states[:, going_on(packed, step)]
                whole = torch.bmm(before, hidden, out=self.space("step", (*into.shape[:2], 3 * units), inputs))
                made.add_(whole[..., : 2 * units])
                product[:, rows] = whole[..., 2 * units :]
            made.sigmoid_()
            values = torch.addcmul(
                into, made[..., :units], product[:, rows], out=self.space("fresh", tuple(into.shape), inputs)
            )
            tanh(values, into)
            torch.lerp(into, before.expand_as(into), made[..., units:], out=states[:, rows])
        self.states, self.product, self.fresh = states, product, fresh
        self.reset, self.keep = gates[..., :units], gates[..., units:]
        return states

    def backward(self, last: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of input rows and hidden weights."""
        packed, fresh, keep, reset = self.packed, self.fresh, self.keep, self.reset
        weights = torch.zeros_like(self.hidden)
        units, back = fresh.shape[-1], self.hidden.transpose(1, 2)
        shape = tuple(fresh.shape)
        both = self.space("slopes", (*shape[:2], 4 * units), fresh)  # r, z, h W_n; then n's own pre-activation
        of_r, of_z, of_product, of_n = both.split(units, -1)
        scratch = self.space("scratch", shape, fresh)
        torch.mul(fresh, fresh, out=scratch).neg_().add_(1)
        torch.addcmul(scratch, scratch, keep, value=-1, out=of_n)
        torch.mul(of_n, reset, out=of_product)
        torch.mul(of_product, self.product, out=scratch)
        torch.addcmul(scratch, scratch, reset, value=-1, out=of_r)
        previous(self.states, packed, scratch).sub_(fresh).mul_(keep)
        torch.addcmul(scratch, scratch, keep, value=-1, out=of_z)
        carried: Tensor | None = None
        for step, rows in reversed(list(enumerate(rows_of(packed)))):
            gradient = arriving(packed, step, carried, last)
            made = both[:, rows]
            made.unflatten(-1, (4, units)).mul_(gradient.unsqueeze(2))
            if step:
                through = made[..., : 3 * units]
                weights.baddbmm_(self.states[:, going_on(packed, step)].transpose(1, 2), through)
                carried = torch.mul(gradient, keep[:, rows]).baddbmm_(through, back)
        inputs = self.space("of inputs", (*shape[:2], 3 * units), fresh)
        inputs[..., : 2 * units] = both[..., : 2 * units]
        inputs[..., 2 * units :] = of_n
        return inputs, weights


class LSTM(Cell):
    """Gates i, f, g, o as PyTorch orders them: c' = f c + i g, h' = o tanh(c').

    Source: Hochreiter and Schmidhuber 1997; the forget gate: Gers, Schmidhuber and Cummins 2000.
    """

    gates = 4

    def forward(self, table: Tensor, hidden: Tensor, packed: Packed) -> Tensor:
        """Return the states."""
        self.packed, self.hidden = packed, hidden
        units = hidden.shape[1]
        gates = self.gathered(table, packed.tokens)
        shape = (*gates.shape[:2], units)
        states, memory, shown = (self.space(name, shape, gates) for name in ("states", "memory", "shown"))
        for step, rows in enumerate(rows_of(packed)):
            made = gates[:, rows]
            if step:
                before = states[:, going_on(packed, step)]
                made.add_(torch.bmm(before, hidden, out=self.space("step", tuple(made.shape), gates)))
            enter, forget, fresh, leave = made.split(units, -1)
            made[..., : 2 * units].sigmoid_()
            leave.sigmoid_()
            values = self.space("fresh", tuple(fresh.shape), gates)
            tanh(values.copy_(fresh), fresh)
            cells = torch.mul(enter, fresh, out=memory[:, rows])
            if step:
                cells.addcmul_(forget, memory[:, going_on(packed, step)])
            tanh(values.copy_(cells), shown[:, rows])
            torch.mul(leave, shown[:, rows], out=states[:, rows])
        self.states, self.values, self.memory, self.shown = states, gates, memory, shown
        return states

    def backward(self, last: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of input rows and hidden weights."""
        packed, shown, back = self.packed, self.shown, self.hidden.transpose(1, 2)
        weights = torch.zeros_like(self.hidden)
        units, shape = self.hidden.shape[1], tuple(self.shown.shape)
        enter, forget, fresh, leave = self.values.split(units, -1)
        made = self.space("slopes", (*shape[:2], 4 * units), shown)
        of_enter, of_forget, of_fresh, of_leave = made.split(units, -1)
        into_memory, scratch = (self.space(name, shape, shown) for name in ("into memory", "scratch"))
        torch.mul(fresh, enter, out=scratch)  # the first three: times the gradient of the memory
        torch.addcmul(scratch, scratch, enter, value=-1, out=of_enter)
        previous(self.memory, packed, scratch).mul_(forget)
        torch.addcmul(scratch, scratch, forget, value=-1, out=of_forget)
        torch.mul(enter, fresh, out=scratch)
        torch.addcmul(enter, scratch, fresh, value=-1, out=of_fresh)
        torch.mul(shown, leave, out=scratch)  # the last: times the gradient of the state
        torch.addcmul(scratch, scratch, leave, value=-1, out=of_leave)
        torch.addcmul(leave, scratch, shown, value=-1, out=into_memory)
        carried: Tensor | None = None
        kept: Tensor | None = None
        none = torch.zeros_like(last)
        for step, rows in reversed(list(enumerate(rows_of(packed)))):
            gradient = arriving(packed, step, carried, last)
            memory = torch.addcmul(arriving(packed, step, kept, none), gradient, into_memory[:, rows])
            here = made[:, rows]
            here[..., : 3 * units].unflatten(-1, (3, units)).mul_(memory.unsqueeze(2))
            here[..., 3 * units :].mul_(gradient)
            if step:
                weights.baddbmm_(self.states[:, going_on(packed, step)].transpose(1, 2), here)
                carried = torch.bmm(here, back)
                kept = memory.mul_(forget[:, rows])
        return made, weights


CELLS: MappingProxyType[str, Callable[[], Cell]] = MappingProxyType(
    {"tanh": lambda: Plain("tanh"), "relu": lambda: Plain("relu"), "gru": GRU, "lstm": LSTM}
)
"""Name of a cell -> how to make one."""
