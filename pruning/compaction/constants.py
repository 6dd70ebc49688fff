"""What units that do not depend on the input hand on to the layers that read them, measured in one pass."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pruning.compaction.outputs import answers

_SAMPLES = 2
_NOISE = 1e-10
"""Of float64 arithmetic, relative to the largest value: below it two values are one."""
_CHUNK = 64
"""Units examined at once, so that the products with every output stay within tens of megabytes."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What constant units add to a layer's outputs, float64.

    Attributes:
        units: which units of the layer's source, (constants,).
        amounts: what each adds to each output, (constants, outputs).
        even: whether it adds the same at all positions, (constants, outputs). A constant other than zero that goes
            through a zero-padded convolution adds less at the border, so no bias can stand for it.
    """

    units: Tensor
    amounts: Tensor
    even: Tensor


@dataclass(frozen=True, slots=True)
class Probe:
    """The layers' constants, and what the network answers to the probe's inputs."""

    handed: Mapping[str, Handed]
    inputs: Tensor
    answers: list[Tensor]


def probe(network: nn.Module, constant: Mapping[str, Tensor], input_shape: tuple[int, ...]) -> Probe:
    """Return what the named layers receive from units that should be constant.

    Two random samples go through the network. A unit on which they differ is not taken for a constant; a layer that
    is called more than once hands nothing on.

    Args:
        network: in float64 and eval mode, its masked weights at zero.
        constant: module path of a linear or ungrouped convolution layer -> units of its source, int64.
        input_shape: of one sample.
    """
    seen: dict[str, list[Handed]] = {path: [] for path in constant}

    def watch(path: str) -> Any:
        def before(layer: nn.Module, args: tuple[Tensor, ...]) -> None:
            seen[path].append(_handed(layer, args[0], constant[path]))

        return before

    inputs = torch.randn(_SAMPLES, *input_shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    handles = [network.get_submodule(path).register_forward_pre_hook(watch(path)) for path in constant]
    try:
        told = answers(network, inputs)
    finally:
        for handle in handles:
            handle.remove()
    return Probe({path: found[0] for path, found in seen.items() if len(found) == 1}, inputs, told)


def _handed(layer: nn.Module, value: Tensor, units: Tensor) -> Handed:
    is_linear = isinstance(layer, nn.Linear)
    chosen = value.movedim(-1, 1)[:, units] if is_linear else value[:, units]
    scale = max(1.0, float(chosen.abs().max())) if chosen.numel() else 1.0
    steady = (chosen[0] - chosen[1]).abs().reshape(len(units), -1).amax(1) <= _NOISE * scale
    units, values = units[steady], chosen[0][steady]
    weight = layer.weight.detach()  # type: ignore[operator]
    pieces = [
        _linear(weight[:, units[a : a + _CHUNK]], values[a : a + _CHUNK])
        if is_linear
        else _convolved(layer, weight[:, units[a : a + _CHUNK]], values[a : a + _CHUNK])
        for a in range(0, len(units), _CHUNK)
    ]
    none = weight.new_zeros(0, len(weight))
    amounts = torch.cat([none, *(amount for amount, _ in pieces)])
    spreads = torch.cat([none, *(spread for _, spread in pieces)])
    return Handed(units, amounts, spreads <= _NOISE * max(1.0, float(amounts.abs().max()) if len(units) else 1.0))


def _linear(weight: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return (mean, spread over positions) of each unit's part of each output; weight is (outputs, units)."""
    flat = values.reshape(len(values), -1)
    spread = flat.amax(1) - flat.amin(1)
    return flat.mean(1)[:, None] * weight.T, spread[:, None] * weight.T.abs()


def _convolved(layer: Any, weight: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the same for a convolution: each unit's map through its own slice of the kernel."""
    units, outputs = len(values), len(weight)
    if not bool(values.any()):
        zeros = weight.new_zeros(units, outputs)
        return zeros, zeros
    alone = copy.copy(layer)  # its stride, padding and padding mode, with a group for each unit
    alone.groups = units
    kernels = weight.transpose(0, 1).reshape(units * outputs, 1, *weight.shape[2:])
    maps = alone._conv_forward(values[None], kernels, None)[0].reshape(units, outputs, -1)
    return maps.mean(2), maps.amax(2) - maps.amin(2)
