"""LeNet-300-100 and LeNet-5 in the sizes the pruning literature uses.

Source: LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning", Proc. IEEE 1998; sizes of the Caffe model zoo
(LeNet-5: 20 and 50 maps, 500 units) as in Han et al., NeurIPS 2015, table 1, and Lee et al., ICLR 2019 (SNIP).
"""

from __future__ import annotations

import math
from collections import OrderedDict

from torch import nn

from search_spaces.architecture import Signature
from search_spaces.networks.reference import MNIST, ReferenceNetwork


def lenet_300_100(signature: Signature) -> nn.Sequential:
    """Return flatten and three linear layers; (B, *input_shape) -> (B, classes). 266,200 weights on MNIST."""
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(math.prod(signature.input_shape), 300),
            relu1=nn.ReLU(),
            fc2=nn.Linear(300, 100),
            relu2=nn.ReLU(),
            fc3=nn.Linear(100, signature.classes),
        )
    )


def lenet5(signature: Signature) -> nn.Sequential:
    """Return two unpadded 5x5 convolutions with pooling and two linear layers. 430,500 weights on MNIST.

    Differs from Caffe's: ReLU after the convolutions too, as in the pruning papers.
    """
    channels, height, width = signature.input_shape
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 20, 5),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(20, 50, 5),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(50 * _side(height) * _side(width), 500),
            relu3=nn.ReLU(),
            fc2=nn.Linear(500, signature.classes),
        )
    )


def _side(pixels: int) -> int:
    """Return what two unpadded 5x5 convolutions, each followed by 2x2 pooling, leave of one side."""
    return ((pixels - 4) // 2 - 4) // 2


LENETS = (
    ReferenceNetwork("lenet_300_100", lenet_300_100, MNIST, axes=(1, 2, 3)),
    ReferenceNetwork("lenet5", lenet5, MNIST, least_side=16),
)
