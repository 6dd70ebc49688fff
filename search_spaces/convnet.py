"""The space `convnet`: two to four stages of plain, residual or separable convolution blocks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from search_spaces.activations import GAINS
from search_spaces.architecture import Architecture, Choice, Signature
from search_spaces.blocks import BLOCKS, classifier, conv_norm
from search_spaces.errors import SpaceError
from search_spaces.initialize import initialize, skeleton
from search_spaces.space import SearchSpace


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage's genes, read: `depth` blocks of one `kind`, all with the same width and kernel."""

    kind: str
    depth: int
    width: int
    kernel: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole genome, read: the live stages from input to output."""

    activation: str
    stem_stride: int
    downsample: str
    stages: tuple[Stage, ...]


class ConvNet(SearchSpace):
    """A 3x3 stem, stages of blocks that halve the image at each entry but the first, global average, linear head.

    The stem's stride is a gene: with 2, every later layer costs a quarter, which buys width on a small machine.
    Every convolution is followed by batch norm and has no bias. Downsampling is by a stride of 2 in the stage's
    first block or by max pooling before it; an image with a side of one pixel is not halved further.
    Parameters are named `stage<i>.*`: the stem belongs to the first live stage, the head to the last.
    ResNet-20 (3 stages of 3) and ResNet-18 (4 stages of 2) are points of the default space.
    """

    stages = 4

    def __init__(
        self,
        name: str = "convnet",
        *,
        depths: Sequence[int] = (1, 2, 3, 4),
        widths: Sequence[int] = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512),
        kernels: Sequence[int] = (3, 5, 7),
    ) -> None:
        self.name = name
        shared = (
            Choice("stages", (2, 3, 4), ordered=True),
            Choice("activation", ("relu", "leaky_relu", "silu", "gelu")),
            Choice("stem_stride", (1, 2), ordered=True),
            Choice("downsample", ("stride", "maxpool")),
        )
        own = (
            Choice("kind", tuple(BLOCKS)),
            Choice("depth", tuple(depths), ordered=True),
            Choice("width", tuple(widths), ordered=True),
            Choice("kernel", tuple(kernels), ordered=True),
        )
        staged = (
            Choice(f"stage{index}.{choice.name}", choice.values, choice.ordered)
            for index in range(1, self.stages + 1)
            for choice in own
        )
        self.choices = (*shared, *staged)
        self._shared, self._own = len(shared), len(own)

    def build(self, architecture: Architecture, signature: Signature, *, generator: torch.Generator) -> nn.Module:
        """Return the initialised network, on the CPU in train mode, as a pure function of the arguments.

        Raises:
            SpaceError: the genes do not fit the space, or the input is not (channels, height, width).
        """
        plan = self.plan(architecture)
        _check_image(signature, self.name)
        return initialize(lambda: assemble(plan, signature), generator, gain=GAINS[plan.activation])

    def skeleton(self, architecture: Architecture, signature: Signature) -> nn.Module:
        """Return the network on the meta device: its shapes, without storage or values."""
        plan = self.plan(architecture)
        _check_image(signature, self.name)
        return skeleton(lambda: assemble(plan, signature))

    def canonical(self, architecture: Architecture) -> Architecture:
        """Return the same genes with those of absent stages at 0: no other two genomes build equal networks.

        Every live gene shows in a layer's type, a weight's shape or the number of layers, so equality is exact
        for every input of at least 2x2 pixels (1x1 images are not halved: `stem_stride` and `downsample` are idle).
        """
        self.validate(architecture)
        live = self._shared + self._own * len(self.plan(architecture).stages)
        dead = len(architecture.genes) - live
        return Architecture(self.name, architecture.genes[:live] + (0,) * dead)

    def stage_patterns(self, architecture: Architecture) -> tuple[str, ...]:
        """Return one glob over parameter names for each live stage, input to output."""
        return tuple(f"stage{index}.*" for index in range(1, len(self.plan(architecture).stages) + 1))

    def describe(self, architecture: Architecture) -> str:
        """Return for example `relu, stem/1, stride | 32 residual3x2 > 64 plain5x1`: width, kind, kernel x depth."""
        plan = self.plan(architecture)
        stages = (f"{s.width} {s.kind}{s.kernel}x{s.depth}" for s in plan.stages)
        return f"{plan.activation}, stem/{plan.stem_stride}, {plan.downsample} | {' > '.join(stages)}"

    def plan(self, architecture: Architecture) -> Plan:
        """Return the genome as named values, without the absent stages.

        Raises:
            SpaceError: the genes do not fit the space.
        """
        values = self.values(architecture)
        stages = tuple(
            Stage(
                kind=str(values[f"stage{index}.kind"]),
                depth=int(values[f"stage{index}.depth"]),
                width=int(values[f"stage{index}.width"]),
                kernel=int(values[f"stage{index}.kernel"]),
            )
            for index in range(1, int(values["stages"]) + 1)
        )
        return Plan(str(values["activation"]), int(values["stem_stride"]), str(values["downsample"]), stages)


def assemble(plan: Plan, signature: Signature) -> nn.Sequential:
    """Return the network of a plan, not initialised: (B, channels, H, W) -> (B, classes)."""
    channels, *sides = signature.input_shape
    width, side = plan.stages[0].width, min(sides)
    stride = plan.stem_stride if side > 1 else 1
    stem = conv_norm(channels, width, 3, stride=stride, activation=plan.activation)
    side = -(-side // stride)
    network: OrderedDict[str, nn.Module] = OrderedDict()
    for index, stage in enumerate(plan.stages, start=1):
        halves = index > 1 and side > 1
        parts = _blocks(stage, width, plan, halves)
        if index == 1:
            parts = OrderedDict(stem=stem, **parts)
        if index == len(plan.stages):
            parts.update(classifier(stage.width, signature.classes))
        network[f"stage{index}"] = nn.Sequential(parts)
        width, side = stage.width, -(-side // 2) if halves else side
    return nn.Sequential(network)


def _blocks(stage: Stage, inputs: int, plan: Plan, halves: bool) -> OrderedDict[str, nn.Module]:
    """Return one stage's named parts; the first takes `inputs` channels and, if `halves`, halves the image."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    if halves and plan.downsample == "maxpool":
        parts["downsample"] = nn.MaxPool2d(2, ceil_mode=True)
    for number in range(1, stage.depth + 1):
        stride = 2 if halves and plan.downsample == "stride" and number == 1 else 1
        width = inputs if number == 1 else stage.width
        parts[f"block{number}"] = BLOCKS[stage.kind](width, stage.width, stage.kernel, stride, plan.activation)
    return parts


def _check_image(signature: Signature, space: str) -> None:
    if len(signature.input_shape) != 3:
        raise SpaceError(
            f"input of space '{space}' must be (channels, height, width); got {signature.input_shape} "
            f"(Signature.input_shape). Use the space 'mlp' for other shapes."
        )
