"""The linearised network: a private copy whose output is a sum over paths of products of absolute weights."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from pruning.convolution import convolved, is_plain
from pruning.twin import private_copy

_ELEMENTWISE = (
    nn.ReLU,
    nn.Hardtanh,  # and ReLU6
    nn.LeakyReLU,
    nn.PReLU,
    nn.RReLU,
    nn.Threshold,
    nn.ELU,
    nn.SELU,
    nn.CELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Softplus,
    nn.Hardswish,
    nn.Tanh,
    nn.Softsign,
    nn.Tanhshrink,
    nn.Softshrink,
    nn.Hardshrink,
    nn.Sigmoid,
    nn.Hardsigmoid,
    nn.LogSigmoid,
    nn.Softmax,
    nn.Softmax2d,
    nn.LogSoftmax,
)


def linearised(module: nn.Module) -> nn.Module:
    """Return a private float64 copy in which a non-negative input's output is a sum over weighted paths.

    Every weight is replaced by its absolute value; biases and running means are zero; activations are the
    identity (as ReLU is on such inputs, while ReLU6, tanh or SiLU would bend the sum); batch normalisation
    divides by its running deviation, and normalisation by the data's own statistics keeps only its scale. In
    float64 because the sum of a CIFAR ResNet-50 is about 1e71, more than float32 holds.

    Recurrent gates, the softmax inside attention and activations called as functions stay as they are: the sum
    over paths is then one of the network at hand, not exactly homogeneous in each weight.
    """
    network = private_copy(module).eval().double()
    with torch.no_grad():
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if tensor.dtype != torch.bool:  # a wiring stays what it is
                tensor.zero_() if _is_shift(name) else tensor.abs_()
    for layer in network.modules():
        if isinstance(layer, _ELEMENTWISE):
            vars(layer)["forward"] = _same
        elif _uses_data_statistics(layer):
            vars(layer)["forward"] = partial(_scaled, layer)
        elif isinstance(layer, nn.Conv2d) and is_plain(layer):
            vars(layer)["forward"] = partial(convolved, layer)
    return network


def squared(module: nn.Module) -> nn.Module:
    """Return the linearised network with the square of every factor on a path: weights and normalisation.

    A non-negative input's output is then a sum over paths of products of squared weights. Batch normalisation
    divides by its running variance where it divided by the deviation. Averages and sums (pooling) stay.
    """
    network = linearised(module)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.square_()
        for layer in network.modules():
            if isinstance(layer, (_BatchNorm, _InstanceNorm)) and layer.running_var is not None:
                layer.running_var.add_(layer.eps).square_().sub_(layer.eps)  # the layer adds eps and takes the root
    return network


def _is_shift(name: str) -> bool:
    leaf = name.rpartition(".")[2]
    return leaf.startswith("bias") or leaf in ("in_proj_bias", "running_mean")


def _uses_data_statistics(layer: nn.Module) -> bool:
    if isinstance(layer, (_BatchNorm, _InstanceNorm)):
        return layer.running_var is None
    return isinstance(layer, (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.LocalResponseNorm))


def _same(values: Tensor) -> Tensor:
    return values


def _scaled(layer: nn.Module, values: Tensor) -> Tensor:
    scale = getattr(layer, "weight", None)
    if not isinstance(scale, Tensor):
        return values
    if isinstance(layer, (nn.LayerNorm, nn.RMSNorm)):
        return values * scale
    return values * scale.view(-1, *[1] * (values.dim() - 2))  # one scale per channel, the second axis
