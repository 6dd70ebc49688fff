"""The building blocks of the convolutional networks: convolution + norm, residual and separable blocks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from types import MappingProxyType

from torch import Tensor, nn

from search_spaces.activations import ACTIVATIONS


def conv_norm(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, activation: str | None = None
) -> nn.Sequential:
    """Return convolution, batch norm and, if named, activation; (B, inputs, H, W) -> (B, outputs, H', W').

    Padding kernel // 2, no bias (the norm has one); H' = ceil(H / stride) for odd kernels.
    """
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["conv"] = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    parts["norm"] = nn.BatchNorm2d(outputs)
    if activation is not None:
        parts["activation"] = ACTIVATIONS[activation]()
    return nn.Sequential(parts)


def plain_block(inputs: int, outputs: int, kernel: int, stride: int, activation: str) -> nn.Sequential:
    """Return one convolution with norm and activation, VGG's layer."""
    return conv_norm(inputs, outputs, kernel, stride=stride, activation=activation)


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut: f(norm(conv(f(norm(conv x)))) + s(x)); s is the identity or a 1x1 projection.

    Source: He, Zhang, Ren, Sun, "Deep Residual Learning", CVPR 2016, arXiv 1512.03385, fig. 2 and eq. 2
        (projection where the shape changes: option B).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, activation: str) -> None:
        super().__init__()
        self.first = conv_norm(inputs, outputs, kernel, stride=stride, activation=activation)
        self.second = conv_norm(outputs, outputs, kernel)
        self.shortcut = shortcut(inputs, outputs, stride)
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H', W') for x (B, inputs, H, W)."""
        out: Tensor = self.activation(self.second(self.first(x)) + self.shortcut(x))
        return out


class SeparableBlock(nn.Module):
    """Depthwise kxk then pointwise convolution, each with norm; the input is added where the shapes agree.

    Source: Howard et al., "MobileNets", 2017, arXiv 1704.04861, fig. 3; Sandler et al., "MobileNetV2", CVPR 2018
        (the skip at stride 1 between equal widths).
    Differs from the papers: no expansion, and the activation follows the sum as in a residual block.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, activation: str) -> None:
        super().__init__()
        self.depthwise = conv_norm(inputs, inputs, kernel, stride=stride, groups=inputs, activation=activation)
        self.pointwise = conv_norm(inputs, outputs, 1)
        self.activation = ACTIVATIONS[activation]()
        self.skips = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H', W') for x (B, inputs, H, W)."""
        out: Tensor = self.pointwise(self.depthwise(x))
        if self.skips:
            out = out + x
        activated: Tensor = self.activation(out)
        return activated


def shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Return the identity if a block keeps the shape, else a strided 1x1 convolution with norm."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return conv_norm(inputs, outputs, 1, stride=stride)


def classifier(features: int, classes: int) -> OrderedDict[str, nn.Module]:
    """Return the named parts of the usual ending: global average, flatten, linear `head`."""
    return OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), head=nn.Linear(features, classes))


Block = Callable[[int, int, int, int, str], nn.Module]

BLOCKS: MappingProxyType[str, Block] = MappingProxyType(
    {"plain": plain_block, "residual": ResidualBlock, "separable": SeparableBlock}
)
"""Block kind -> (inputs, outputs, kernel, stride, activation) -> module."""
