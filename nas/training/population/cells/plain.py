"""Cells without gates: tanh and ReLU."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from nas.training.population.cells.cell import Cell, backs, enter, lasts, leave_, previous, sigmoid_slope
from nas.training.population.packing import Packed


class Plain(Cell):
    """h' = f(x + h W) (Elman 1990). Three products and two element-wise operations a step, and two small products."""

    @abstractmethod
    def scaled(self, table: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the rows of a string's first letter and of later ones and the hidden weights, as used at each step."""

    @abstractmethod
    def unscaled(self, first: Tensor, later: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of table and hidden weights from those of what `scaled` returned."""

    @abstractmethod
    def activate_(self, values: Tensor) -> Tensor:
        """Return `values`, replaced by states."""

    @abstractmethod
    def slope(self, gradient: Tensor, states: Tensor, out: Tensor) -> None:
        """Write the gradient before the activation to `out`."""

    def ends(self, states: Tensor) -> Tensor:
        """Return the networks' own states for those kept here."""
        return states

    def forward(self, table: Tensor, hidden: Tensor, packed: Packed) -> Tensor:
        """Return the last states."""
        first, later, self.weights = self.scaled(table, hidden)
        self.packed, self.states = packed, self.space.steps("states", packed.sizes, hidden)
        for step, (letters, into) in enumerate(zip(packed.letters, self.states, strict=True)):
            enter(letters, later if step else first, into)
            if step:
                into.baddbmm_(previous(self.states, step), self.weights)
            self.activate_(into)
        return self.ends(lasts(self.states))

    def backward(self, last: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of input rows and hidden weights."""
        (back,) = backs([self.weights])
        of_weights = torch.zeros_like(back)
        of_first, of_later = (
            back.new_zeros(len(back), self.packed.letters[0].shape[2], back.shape[2]) for _ in range(2)
        )
        going, carried = 0, last
        for step in reversed(range(len(self.states))):
            letters, states = self.packed.letters[step], self.states[step]
            gradient = self.space("gradient", tuple(states.shape), states)
            self.slope(carried[:, :going], states[:, :going], gradient[:, :going])
            going, ended = states.shape[1], going
            self.slope(last[:, ended:going], states[:, ended:], gradient[:, ended:])
            leave_(of_later if step else of_first, letters, gradient)
            if step:
                of_weights.baddbmm_(previous(self.states, step).transpose(1, 2), gradient)
                carried = torch.bmm(gradient, back, out=self.space("carried", tuple(gradient.shape), gradient))
        return self.unscaled(of_first, of_later, of_weights)


class ReLU(Plain):
    """h' = max(0, x + h W)."""

    def scaled(self, table: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return them as they are."""
        return table, table, hidden

    def unscaled(self, first: Tensor, later: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients: a letter's row is the same wherever it stands."""
        return first.add_(later), hidden

    def activate_(self, values: Tensor) -> Tensor:
        """Return `values` without what is negative."""
        return values.clamp_(min=0)

    def slope(self, gradient: Tensor, states: Tensor, out: Tensor) -> None:
        """Write the gradient where the state is above 0."""
        torch.ops.aten.threshold_backward.grad_input(gradient, states, 0, grad_input=out)


class Tanh(Plain):
    """h' = tanh(x + h W), kept as s = (h + 1) / 2 = sigmoid(2 x + 2 h W).

    Since h = 2 s - 1, that is s' = sigmoid(x' + s W') with W' = 4 W and x' = 2 x - 2 (sum of the rows of W): one
    operation less a step, and a sigmoid, which some CPUs have four times as fast as tanh. It costs about 1e-7,
    absolutely; float32 holds states of up to 1 no better.
    """

    def scaled(self, table: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return 2 x for h = 0, x' and W'."""
        first = 2 * table
        return first, first - 2 * hidden.sum(1, keepdim=True), 4 * hidden

    def unscaled(self, first: Tensor, later: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients, by the chain rule; that of the last state is taken of s as if of h: half."""
        return 4 * (first + later), hidden.mul_(8).sub_(4 * later.sum(1, keepdim=True))

    def activate_(self, values: Tensor) -> Tensor:
        """Return their sigmoids."""
        return values.sigmoid_()

    def slope(self, gradient: Tensor, states: Tensor, out: Tensor) -> None:
        """Write gradient s (1 - s)."""
        sigmoid_slope(gradient, states, grad_input=out)

    def ends(self, states: Tensor) -> Tensor:
        """Return 2 s - 1."""
        return states.mul_(2).sub_(1)
