"""MobileNetV2 for small images: inverted residuals with linear bottlenecks.

Source: Sandler, Howard, Zhu, Zhmoginov, Chen, CVPR 2018, arXiv 1801.04381, table 2.
Differs from the paper: the stem and the second stage have stride 1, so that 32x32 images end at 4x4 (the usual CIFAR
form); no dropout. Weight shapes are those of the ImageNet network.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from search_spaces.architecture import Signature
from search_spaces.blocks import classifier, conv_norm
from search_spaces.networks.reference import CIFAR, ReferenceNetwork

_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""(expansion, width, blocks, stride of the first block), table 2 with the stride of the second row set to 1."""


class InvertedResidual(nn.Module):
    """1x1 expansion (absent at factor 1), 3x3 depthwise, linear 1x1 projection; skip where the shape is kept."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        if expansion > 1:
            parts["expand"] = conv_norm(inputs, hidden, 1, activation="relu6")
        parts["depthwise"] = conv_norm(hidden, hidden, 3, stride=stride, groups=hidden, activation="relu6")
        parts["project"] = conv_norm(hidden, outputs, 1)
        self.residual = nn.Sequential(parts)
        self.skips = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H / stride, W / stride) for x (B, inputs, H, W)."""
        out: Tensor = self.residual(x)
        return x + out if self.skips else out


def mobilenet_v2(signature: Signature) -> nn.Sequential:
    """Return the network: (B, channels, H, W) -> (B, classes). 2,202,560 weights on CIFAR-10."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["stem"] = conv_norm(signature.input_shape[0], 32, 3, activation="relu6")
    channels = 32
    for stage, (expansion, width, blocks, first_stride) in enumerate(_STAGES, start=1):
        for number in range(1, blocks + 1):
            stride = first_stride if number == 1 else 1
            parts[f"stage{stage}_{number}"] = InvertedResidual(channels, width, stride, expansion)
            channels = width
    parts["last"] = conv_norm(channels, 1280, 1, activation="relu6")
    parts.update(classifier(1280, signature.classes))
    return nn.Sequential(parts)


MOBILENETS = (ReferenceNetwork("mobilenet_v2", mobilenet_v2, CIFAR),)
