"""WRN-28-2: a pre-activation residual network of 28 layers, twice as wide as the CIFAR ResNets.

Source: Zagoruyko & Komodakis, "Wide Residual Networks", BMVC 2016, arXiv 1605.07146, table 1 (no dropout).
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from search_spaces.architecture import Signature
from search_spaces.blocks import classifier
from search_spaces.networks.reference import CIFAR, ReferenceNetwork

_BLOCKS_A_STAGE = (28 - 4) // 6
_WIDTHS = (32, 64, 128)


class PreactivationBlock(nn.Module):
    """Twice norm, ReLU, 3x3 convolution; the shortcut is the input, or a 1x1 convolution of its activation."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.activation1 = nn.ReLU()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.activation2 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.projects = inputs != outputs or stride != 1
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if self.projects else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H / stride, W / stride) for x (B, inputs, H, W)."""
        active = self.activation1(self.norm1(x))
        residual = self.conv2(self.activation2(self.norm2(self.conv1(active))))
        out: Tensor = residual + self.shortcut(active if self.projects else x)
        return out


def wrn_28_2(signature: Signature) -> nn.Sequential:
    """Return the network: (B, channels, H, W) -> (B, classes). 1,463,984 weights on CIFAR-10."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["stem"] = nn.Conv2d(signature.input_shape[0], 16, 3, padding=1, bias=False)
    channels = 16
    for stage, width in enumerate(_WIDTHS, start=1):
        for number in range(1, _BLOCKS_A_STAGE + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            parts[f"stage{stage}_{number}"] = PreactivationBlock(channels, width, stride)
            channels = width
    parts["norm"], parts["activation"] = nn.BatchNorm2d(channels), nn.ReLU()
    parts.update(classifier(channels, signature.classes))
    return nn.Sequential(parts)


WIDE_RESNETS = (ReferenceNetwork("wrn_28_2", wrn_28_2, CIFAR),)
