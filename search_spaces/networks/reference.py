"""The one type of every reference network: a name, a default signature, and how to build for any that fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from search_spaces.activations import GAINS
from search_spaces.architecture import Signature
from search_spaces.errors import SpaceError
from search_spaces.initialize import initialize, skeleton

CIFAR = Signature((3, 32, 32), 10)
MNIST = Signature((1, 28, 28), 10)


@dataclass(frozen=True, slots=True)
class ReferenceNetwork:
    """A network of the literature. Calling it builds it: `NETWORKS["vgg16"](signature, generator)`."""

    name: str
    make: Callable[[Signature], nn.Module]
    """Builds the module for a signature that fits, not initialised."""
    signature: Signature
    """The data of its paper; used where no task says otherwise."""
    axes: tuple[int, ...] = (3,)
    """Numbers of input axes it accepts (3: channels, height, width)."""
    least_side: int = 1
    """Smallest height and width that survive its pooling."""
    activation: str = "relu"
    """Sets the gain of the initial weights."""

    def build(self, signature: Signature, generator: torch.Generator) -> nn.Module:
        """Return the initialised network, on the CPU in train mode, as a pure function of the arguments.

        Raises:
            SpaceError: the input has another number of axes or is too small.
        """
        self.check(signature)
        return initialize(lambda: self.make(signature), generator, gain=GAINS[self.activation])

    __call__ = build

    def skeleton(self, signature: Signature | None = None) -> nn.Module:
        """Return the network on the meta device, shapes only: for counting and for checking mask files."""
        chosen = signature or self.signature
        self.check(chosen)
        return skeleton(lambda: self.make(chosen))

    def check(self, signature: Signature) -> None:
        """Return None if the network can take inputs of this signature.

        Raises:
            SpaceError: the input has another number of axes or is too small.
        """
        shape = signature.input_shape
        if len(shape) not in self.axes:
            wanted = " or ".join(str(n) for n in self.axes)
            raise SpaceError(
                f"input of network '{self.name}' must have {wanted} axes; got {shape} (Signature.input_shape). "
                f"Its own data have {self.signature.input_shape}."
            )
        if len(shape) == 3 and min(shape[1:]) < self.least_side:
            raise SpaceError(
                f"images for network '{self.name}' must be at least {self.least_side}x{self.least_side}; "
                f"got {shape[1]}x{shape[2]} (Signature.input_shape). Choose a network with less pooling."
            )
