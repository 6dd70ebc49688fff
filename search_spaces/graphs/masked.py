"""Layers whose weights exist only where a graph has edges.

An absent weight is 0 in every forward pass, gets no gradient, and is named by `present_weights`, so that pruning
counts and ranks the weights there are.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

Wiring = npt.NDArray[np.bool_]

CELLS: MappingProxyType[str, str] = MappingProxyType(
    {"tanh": "RNN_TANH", "relu": "RNN_RELU", "gru": "GRU", "lstm": "LSTM"}
)
"""Name of a recurrent cell -> PyTorch's mode."""

_RUN: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "RNN_TANH": torch.rnn_tanh,
    "RNN_RELU": torch.rnn_relu,
    "GRU": torch.gru,
    "LSTM": torch.lstm,
}


class MaskedRecurrent(nn.RNNBase):
    """One recurrent layer, (B, T, F) -> (B, T, H), without biases: a state that starts at 0 stays there on zero input.

    So strings that stand at the right end, blanks before them, give the same states as strings of their own length.
    A letter's input weights are a bias that depends on the letter, so nothing is lost where letters enter.

    Args:
        cell: a name of CELLS.
        inputs: (H, F), True where feature f enters unit h, in every gate.
        hidden: (H, H), True where unit j of the step before enters unit i.
    """

    weight_ih_l0: nn.Parameter
    weight_hh_l0: nn.Parameter
    present_ih: Tensor
    present_hh: Tensor

    def __init__(self, cell: str, inputs: Wiring, hidden: Wiring) -> None:
        super().__init__(CELLS[cell], inputs.shape[1], len(hidden), bias=False, batch_first=True)
        self.cell = cell
        self.gates = self.weight_hh_l0.shape[0] // len(hidden)
        self._wiring = {
            "weight_ih_l0": np.tile(inputs, (self.gates, 1)),
            "weight_hh_l0": np.tile(hidden, (self.gates, 1)),
        }
        for name, wiring in self._wiring.items():
            self.register_buffer(_buffer(name), _as_buffer(wiring), persistent=False)

    def present_weights(self) -> dict[str, Tensor]:
        """Return parameter name -> bool CPU tensor of its shape, True where the weight exists."""
        return {name: torch.from_numpy(wiring.copy()) for name, wiring in self._wiring.items()}

    def initialize_own_(self, generator: torch.Generator) -> None:
        """Fill inputs with Glorot's deviation, hidden weights with 1 / sqrt(edges into the unit), absent ones with 0.

        Source: Glorot & Bengio, AISTATS 2010, eq. 16, over the units (a letter is one input at a time).
        """
        hidden = self.hidden_size
        for name, wiring in self._wiring.items():
            present = torch.from_numpy(wiring)
            getattr(self, _buffer(name)).copy_(present)
            into = present.sum(1, keepdim=True).clamp(min=1)
            std = into.rsqrt() if name == "weight_hh_l0" else math.sqrt(2.0 / (self.input_size + hidden))
            weight = getattr(self, name)
            weight.normal_(0.0, 1.0, generator=generator).mul_(std).mul_(present)

    def forward(self, x: Tensor) -> Tensor:
        """Return the states (B, T, H) of inputs (B, T, F)."""
        weights = [self.weight_ih_l0 * self.present_ih, self.weight_hh_l0 * self.present_hh]
        zero = x.new_zeros(1, x.shape[0], self.hidden_size)
        start = (zero, zero) if self.mode == "LSTM" else zero
        return _RUN[self.mode](x, start, weights, False, 1, 0.0, self.training, False, True)[0]

    def extra_repr(self) -> str:
        """Return the cell, the sizes, and digests of both wirings."""
        parts = ", ".join(f"{name}={digest(wiring)}" for name, wiring in self._wiring.items())
        return f"{self.cell}, {self.input_size}, {self.hidden_size}, {parts}"


class MaskedLinear(nn.Linear):
    """A linear layer with weights only where `wiring` (outputs, inputs) is True."""

    present: Tensor

    def __init__(self, wiring: Wiring, gain: float = 1.0) -> None:
        super().__init__(wiring.shape[1], wiring.shape[0])
        self._wiring, self.gain = wiring, gain
        self.register_buffer("present", _as_buffer(wiring), persistent=False)

    def present_weights(self) -> dict[str, Tensor]:
        """Return parameter name -> bool CPU tensor of its shape, True where the weight exists."""
        return {"weight": torch.from_numpy(self._wiring.copy())}

    def initialize_own_(self, generator: torch.Generator) -> None:
        """Fill existing weights with deviation gain / sqrt(edges into the unit), absent ones and biases with 0."""
        present = torch.from_numpy(self._wiring)
        self.present.copy_(present)
        into = present.sum(1, keepdim=True).clamp(min=1)
        self.weight.normal_(0.0, self.gain, generator=generator).mul_(into.rsqrt()).mul_(present)
        self.bias.zero_()

    def forward(self, input: Tensor) -> Tensor:
        """Return (..., outputs) for inputs (..., inputs)."""
        return functional.linear(input, self.weight * self.present, self.bias)

    def extra_repr(self) -> str:
        """Return the sizes and a digest of the wiring."""
        return f"{self.in_features}, {self.out_features}, weight={digest(self._wiring)}"


def digest(wiring: Wiring) -> str:
    """Return 8 hexadecimal digits that equal wirings share."""
    return hashlib.sha256(np.packbits(wiring).tobytes() + str(wiring.shape).encode()).hexdigest()[:8]


def _as_buffer(wiring: Wiring) -> Tensor:
    """Return the wiring on the default device, which is "meta" where only shapes are wanted."""
    buffer = torch.empty(wiring.shape, dtype=torch.bool)
    return buffer if buffer.is_meta else buffer.copy_(torch.from_numpy(wiring))


def _buffer(name: str) -> str:
    return "present_" + name.split("_")[1]
