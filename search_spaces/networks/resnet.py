"""Residual networks with a 3x3 stem: the CIFAR family (16-32-64) and ResNet-18 and -50 (64 ... 512).

Source: He, Zhang, Ren, Sun, "Deep Residual Learning", CVPR 2016, arXiv 1512.03385, tables 1 and 6.
Differs from the paper: the CIFAR family projects by 1x1 convolutions where the shape changes (option B), as the
pruning literature does; ResNet-18 and -50 start with a 3x3 convolution and no pooling; ResNet-50 strides in its 3x3.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from search_spaces.architecture import Signature
from search_spaces.blocks import ResidualBlock, classifier, conv_norm, shortcut
from search_spaces.networks.reference import CIFAR, ReferenceNetwork


class Bottleneck(nn.Module):
    """1x1 to `width`, 3x3 (strided), 1x1 to four times `width`, and a shortcut around the three."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = self.expansion * width
        self.reduce = conv_norm(inputs, width, 1, activation="relu")
        self.mix = conv_norm(width, width, 3, stride=stride, activation="relu")
        self.expand = conv_norm(width, outputs, 1)
        self.shortcut = shortcut(inputs, outputs, stride)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, 4 width, H / stride, W / stride) for x (B, inputs, H, W)."""
        out: Tensor = self.activation(self.expand(self.mix(self.reduce(x))) + self.shortcut(x))
        return out


def basic(inputs: int, width: int, stride: int) -> ResidualBlock:
    """Return the block of two 3x3 convolutions."""
    return ResidualBlock(inputs, width, 3, stride, "relu")


def resnet(
    signature: Signature,
    *,
    depths: tuple[int, ...],
    stem: int,
    block: Callable[[int, int, int], nn.Module] = basic,
    expansion: int = 1,
) -> nn.Sequential:
    """Return stem, stages that double the width and halve the image, global average, linear head."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["stem"] = conv_norm(signature.input_shape[0], stem, 3, activation="relu")
    channels = stem
    for stage, depth in enumerate(depths):
        width = stem * 2**stage
        for number in range(depth):
            stride = 2 if stage > 0 and number == 0 else 1
            parts[f"stage{stage + 1}_{number + 1}"] = block(channels, width, stride)
            channels = expansion * width
    parts.update(classifier(channels, signature.classes))
    return nn.Sequential(parts)


RESNETS = (
    *(ReferenceNetwork(f"resnet{6 * n + 2}", partial(resnet, depths=(n, n, n), stem=16), CIFAR) for n in (3, 5, 9, 18)),
    ReferenceNetwork("resnet18", partial(resnet, depths=(2, 2, 2, 2), stem=64), CIFAR),
    ReferenceNetwork(
        "resnet50",
        partial(resnet, depths=(3, 4, 6, 3), stem=64, block=Bottleneck, expansion=Bottleneck.expansion),
        CIFAR,
    ),
)
