"""The space `mlp`: one to five hidden layers on the flattened input."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import nn

from search_spaces.activations import ACTIVATIONS, GAINS
from search_spaces.architecture import Architecture, Choice, Signature
from search_spaces.initialize import initialize, skeleton
from search_spaces.space import SearchSpace


class MLP(SearchSpace):
    """Flatten, then hidden layers of linear, optional batch norm and activation, then a linear head.

    Each hidden layer is a stage. Parameters are named `layer<i>.*`; the head belongs to the last live layer.
    A layer followed by batch norm has no bias, as the norm has one.
    """

    name = "mlp"
    stages = 5
    choices = (
        Choice("layers", (1, 2, 3, 4, 5), ordered=True),
        Choice("activation", ("relu", "leaky_relu", "silu", "gelu")),
        Choice("norm", ("none", "batch")),
        *(Choice(f"layer{index}.width", (8, 16, 32, 64, 128, 256, 512, 1024), ordered=True) for index in range(1, 6)),
    )

    def build(self, architecture: Architecture, signature: Signature, *, generator: torch.Generator) -> nn.Module:
        """Return the initialised network, on the CPU in train mode, as a pure function of the arguments."""
        activation = str(self.values(architecture)["activation"])
        return initialize(self._maker(architecture, signature), generator, gain=GAINS[activation])

    def skeleton(self, architecture: Architecture, signature: Signature) -> nn.Module:
        """Return the network on the meta device: its shapes, without storage or values."""
        return skeleton(self._maker(architecture, signature))

    def _maker(self, architecture: Architecture, signature: Signature) -> Callable[[], nn.Module]:
        values, widths = self.values(architecture), self.widths(architecture)
        activation, normed = str(values["activation"]), values["norm"] == "batch"
        return lambda: assemble(widths, activation, normed, signature)

    def canonical(self, architecture: Architecture) -> Architecture:
        """Return the same genes with the widths of absent layers at 0: no other two genomes build equal networks."""
        live = 3 + len(self.widths(architecture))
        dead = len(architecture.genes) - live
        return Architecture(self.name, architecture.genes[:live] + (0,) * dead)

    def stage_patterns(self, architecture: Architecture) -> tuple[str, ...]:
        """Return one glob over parameter names for each hidden layer, input to output."""
        return tuple(f"layer{index}.*" for index in range(1, len(self.widths(architecture)) + 1))

    def describe(self, architecture: Architecture) -> str:
        """Return for example `relu, batch norm | 256 > 64`: the hidden widths from input to output."""
        values = self.values(architecture)
        norm = ", batch norm" if values["norm"] == "batch" else ""
        return f"{values['activation']}{norm} | {' > '.join(map(str, self.widths(architecture)))}"

    def widths(self, architecture: Architecture) -> tuple[int, ...]:
        """Return the hidden widths from input to output."""
        values = self.values(architecture)
        return tuple(int(values[f"layer{index}.width"]) for index in range(1, int(values["layers"]) + 1))


def assemble(widths: Sequence[int], activation: str, normed: bool, signature: Signature) -> nn.Sequential:
    """Return the network, not initialised: (B, *input_shape) -> (B, classes)."""
    inputs = math.prod(signature.input_shape)
    network: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for index, width in enumerate(widths, start=1):
        layer: OrderedDict[str, nn.Module] = OrderedDict(linear=nn.Linear(inputs, width, bias=not normed))
        if normed:
            layer["norm"] = nn.BatchNorm1d(width)
        layer["activation"] = ACTIVATIONS[activation]()
        if index == len(widths):
            layer["head"] = nn.Linear(width, signature.classes)
        network[f"layer{index}"] = nn.Sequential(layer)
        inputs = width
    return nn.Sequential(network)
