"""Convolution without bias in float64 on the CPU, as products of matrices, and its derivatives.

torch's own takes the groups of a grouped convolution one after another, and multiplies large weights with few
positions (the last stages of a network) at a fraction of the speed of the transposed product.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_FEW_POSITIONS = 64
"""Up to so many columns, products with the weight are faster transposed."""


def is_plain(layer: nn.Conv2d) -> bool:
    """Return whether `convolved` computes this layer: on the CPU, padded with zeros by a number of positions."""
    return layer.padding_mode == "zeros" and not isinstance(layer.padding, str) and layer.weight.device.type == "cpu"


def convolved(layer: nn.Conv2d, values: Tensor) -> Tensor:
    """Return the layer's convolution of `values` without its bias.

    Args:
        layer: one that `is_plain`; its weight is (outputs, inputs / groups, height, width).
        values: shape (batch, inputs, height, width).
    """
    kernel, stride, dilation, groups = layer.kernel_size, layer.stride, layer.dilation, layer.groups
    padding = tuple(int(size) for size in layer.padding)
    height, width = (
        (size + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1) // stride[axis] + 1
        for axis, size in enumerate(values.shape[-2:])
    )
    alone = groups == 1 and len(values) == 1 and height * width <= _FEW_POSITIONS
    if groups == 1 and not alone:
        return functional.conv2d(values, layer.weight, None, stride, padding, dilation)
    patches = functional.unfold(values, kernel, dilation=dilation, padding=padding, stride=stride)
    if alone:
        output: Tensor = _Product.apply(layer.weight.flatten(1), patches[0])  # type: ignore[no-untyped-call]
    else:
        grouped = patches.view(len(values), groups, -1, patches.shape[-1])
        output = layer.weight.view(groups, layer.out_channels // groups, -1) @ grouped
    return output.reshape(len(values), layer.out_channels, height, width)


class _Product(torch.autograd.Function):
    """weight @ patches for few patches: every product reads the weight along its rows."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, patches: Tensor) -> Tensor:
        ctx.save_for_backward(weight, patches)
        return (patches.t() @ weight.t()).t().contiguous()

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, Tensor]:
        weight, patches = ctx.saved_tensors
        return slopes[0] @ patches.t(), (slopes[0].t() @ weight).t()
