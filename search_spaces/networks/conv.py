"""Conv-2, Conv-4 and Conv-6: VGG cut down to two, four and six convolutions, without normalisation.

Source: Frankle & Carbin, "The Lottery Ticket Hypothesis", ICLR 2019, arXiv 1803.03635, fig. 2.
Differs from the paper: its table gives Conv-6 1.7 M weights of which 1.1 M in convolutions; its layer list with the
padding of Conv-2 and Conv-4 (whose totals agree, 4.3 M and 2.4 M) makes 1.14 M and 2.26 M, and is followed here.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from search_spaces.architecture import Signature
from search_spaces.networks.reference import CIFAR, ReferenceNetwork

_WIDTHS = (64, 128, 256)
_HIDDEN = 256


def conv_net(signature: Signature, *, pairs: int) -> nn.Sequential:
    """Return `pairs` times two 3x3 convolutions and 2x2 max pooling, then linear layers 256, 256, classes."""
    channels, height, width = signature.input_shape
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for pair, outputs in enumerate(_WIDTHS[:pairs]):
        for number in (2 * pair + 1, 2 * pair + 2):
            parts[f"conv{number}"] = nn.Conv2d(channels, outputs, 3, padding=1)
            parts[f"relu{number}"] = nn.ReLU()
            channels = outputs
        parts[f"pool{pair + 1}"] = nn.MaxPool2d(2)
    parts["flatten"] = nn.Flatten()
    parts["fc1"] = nn.Linear(channels * (height >> pairs) * (width >> pairs), _HIDDEN)
    parts["fc1_relu"] = nn.ReLU()
    parts["fc2"] = nn.Linear(_HIDDEN, _HIDDEN)
    parts["fc2_relu"] = nn.ReLU()
    parts["fc3"] = nn.Linear(_HIDDEN, signature.classes)
    return nn.Sequential(parts)


CONVS = tuple(
    ReferenceNetwork(f"conv{2 * pairs}", partial(conv_net, pairs=pairs), CIFAR, least_side=2**pairs)
    for pairs in (1, 2, 3)
)
