"""How a weight tensor acts: as a stack of matrices from inputs to outputs, one for each group or gate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from pruning.parameters import prunable


@dataclass(frozen=True, slots=True)
class Matrices:
    """The layout of one weight: `groups` matrices, each of `rows` x `columns`.

    A convolution is reshaped: its matrix multiplies one patch of the input, so a row is one output channel and a
    column one tap of one input channel. That is the map of a patch, not of the whole image: orthonormal rows keep
    the variance of a channel, but the taps of neighbouring patches overlap.

    Attributes:
        shape: of the parameter.
        groups: convolution groups, recurrent gates, or the three projections of packed attention.
        outputs, inputs: channels or units of one group.
        kernel: sizes of the convolution kernel; empty for dense weights.
        transposed: a transposed convolution, stored with its inputs first; its matrix is that of a convolution
            with the same kernel.
        upsampling: stride of a transposed convolution, all axes multiplied; 1 for anything else.
    """

    shape: tuple[int, ...]
    groups: int
    outputs: int
    inputs: int
    kernel: tuple[int, ...] = ()
    transposed: bool = False
    upsampling: int = 1

    @property
    def taps(self) -> int:
        """Size of the kernel, 1 for dense weights."""
        return math.prod(self.kernel)

    @property
    def rows(self) -> int:
        """Outputs of one group."""
        return self.outputs

    @property
    def columns(self) -> int:
        """Inputs of one group, times the taps."""
        return self.inputs * self.taps

    @property
    def fan_in(self) -> float:
        """Weights that feed one output value; of a transposed convolution, on average over its outputs."""
        return self.columns / self.upsampling

    @property
    def fan_out(self) -> float:
        """Weights that read one input value, as at stride 1."""
        return float(self.outputs * self.taps)

    def stack(self, weight: Tensor) -> Tensor:
        """Return the weight, of `shape`, as (groups, rows, columns): a view where the layout allows it."""
        if not self.transposed:
            return weight.reshape(self.groups, self.rows, self.columns)
        split = weight.reshape(self.groups, self.inputs, self.outputs, self.taps)
        return split.transpose(1, 2).reshape(self.groups, self.rows, self.columns)

    def unstack(self, stacked: Tensor) -> Tensor:
        """Return (groups, rows, columns) as a weight of `shape`; the inverse of `stack`."""
        if not self.transposed:
            return stacked.reshape(self.shape)
        split = stacked.reshape(self.groups, self.outputs, self.inputs, self.taps)
        return split.transpose(1, 2).reshape(self.shape)


def matrices(module: nn.Module) -> dict[str, Matrices]:
    """Return parameter name -> layout, for each weight of `prunable(module)` and in its order.

    Raises:
        PruningError: as `prunable`.
    """
    found = {}
    for name, weight in prunable(module).items():
        path, _, leaf = name.rpartition(".")
        found[name] = _layout(module.get_submodule(path), leaf, tuple(weight.shape))
    return found


def _layout(layer: nn.Module, leaf: str, shape: tuple[int, ...]) -> Matrices:
    if isinstance(layer, _ConvTransposeNd):
        kernel, stride = shape[2:], math.prod(layer.stride)
        return Matrices(shape, layer.groups, shape[1], shape[0] // layer.groups, kernel, True, stride)
    if isinstance(layer, _ConvNd):
        return Matrices(shape, layer.groups, shape[0] // layer.groups, shape[1], shape[2:])
    groups = _gates(layer, leaf, shape[0])
    return Matrices(shape, groups, shape[0] // groups, math.prod(shape[1:]))


def _gates(layer: nn.Module, leaf: str, rows: int) -> int:
    if isinstance(layer, (nn.RNNBase, nn.RNNCellBase)) and leaf.startswith(("weight_ih", "weight_hh")):
        return rows // layer.hidden_size
    return 3 if isinstance(layer, nn.MultiheadAttention) and leaf == "in_proj_weight" else 1
