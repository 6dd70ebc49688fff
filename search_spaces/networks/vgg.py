"""VGG-11, VGG-16 and VGG-19 with batch norm for small images: one linear layer after global average pooling.

Source: Simonyan & Zisserman, ICLR 2015, arXiv 1409.1556, table 1 (A, D, E); the CIFAR form of Liu et al.,
"Rethinking the Value of Network Pruning", ICLR 2019, used by GraSP, SynFlow and PHEW.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from search_spaces.architecture import Signature
from search_spaces.blocks import classifier, conv_norm
from search_spaces.networks.reference import CIFAR, ReferenceNetwork

_WIDTHS = (64, 128, 256, 512, 512)
_DEPTHS = {"vgg11": (1, 1, 2, 2, 2), "vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}


def vgg(signature: Signature, *, depths: tuple[int, ...]) -> nn.Sequential:
    """Return five groups of 3x3 convolutions with 2x2 max pooling between them; no bias before a norm."""
    channels = signature.input_shape[0]
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for group, (depth, width) in enumerate(zip(depths, _WIDTHS, strict=True), start=1):
        if group > 1:
            parts[f"pool{group - 1}"] = nn.MaxPool2d(2)
        for number in range(1, depth + 1):
            parts[f"conv{group}_{number}"] = conv_norm(channels, width, 3, activation="relu")
            channels = width
    parts.update(classifier(channels, signature.classes))
    return nn.Sequential(parts)


VGGS = tuple(
    ReferenceNetwork(name, partial(vgg, depths=depths), CIFAR, least_side=16) for name, depths in _DEPTHS.items()
)
