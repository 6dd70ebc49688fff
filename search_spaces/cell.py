"""The space `cell`: NAS-Bench-201's networks, one small graph of operations stacked fifteen times."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from search_spaces import cell_graph
from search_spaces.activations import GAINS
from search_spaces.architecture import Architecture, Choice, Signature
from search_spaces.blocks import classifier, conv_norm
from search_spaces.errors import SpaceError
from search_spaces.initialize import initialize, skeleton
from search_spaces.space import SearchSpace


class CellSpace(SearchSpace):
    """A 3x3 stem, three stages of equal cells, a residual block that halves the image between stages, a linear head.

    A gene is the operation on one edge of the cell. Genomes whose cells compute the same function are one network:
    15,625 genomes, 4,660 networks; each of the benchmark's 6,466 classes lies inside one of them.
    Parameters are named `stage<i>.*`: the stem belongs to the first stage, a reduction to the stage it opens, the
    head to the last.

    Args:
        name: of the space.
        width: channels of the first stage; doubled at each reduction.
        repeats: cells of a stage.

    Source: Dong and Yang, ICLR 2020, arXiv 2001.00326, section 2.1 and figure 1.
    """

    stages = 3

    def __init__(self, name: str = "cell", *, width: int = 16, repeats: int = 5) -> None:
        self.name = name
        self.width = width
        self.repeats = repeats
        self.choices = tuple(Choice(f"edge_{s}_{t}", cell_graph.OPERATIONS) for s, t in cell_graph.EDGES)

    def build(self, architecture: Architecture, signature: Signature, *, generator: torch.Generator) -> nn.Module:
        """Return the initialised network, on the CPU in train mode, as a pure function of the arguments.

        Raises:
            SpaceError: the genes do not fit the space, or the input is not (channels, height, width).
        """
        edges = self._edges(architecture, signature)
        return initialize(lambda: self._assemble(edges, signature), generator, gain=GAINS["relu"])

    def skeleton(self, architecture: Architecture, signature: Signature) -> nn.Module:
        """Return the network on the meta device: its shapes, without storage or values."""
        edges = self._edges(architecture, signature)
        return skeleton(lambda: self._assemble(edges, signature))

    def canonical(self, architecture: Architecture) -> Architecture:
        """Return the first genome whose cell computes the same function (idempotent)."""
        self.validate(architecture)
        return Architecture(self.name, cell_graph.canonical(architecture.genes))

    def stage_patterns(self, architecture: Architecture) -> tuple[str, ...]:
        """Return one glob over parameter names for each stage, input to output."""
        self.validate(architecture)
        return tuple(f"stage{index}.*" for index in range(1, self.stages + 1))

    def describe(self, architecture: Architecture) -> str:
        """Return the canonical cell as the benchmark writes it, such as `|none~0|+|...`."""
        return cell_graph.text(self.canonical(architecture).genes)

    def _edges(self, architecture: Architecture, signature: Signature) -> tuple[cell_graph.Edge, ...]:
        if len(signature.input_shape) != 3:
            raise SpaceError(
                f"space '{self.name}' must have images (channels, height, width); got {signature.input_shape}. "
                f"Choose another space for this task."
            )
        return cell_graph.live_edges(self.canonical(architecture).genes)

    def _assemble(self, edges: tuple[cell_graph.Edge, ...], signature: Signature) -> nn.Sequential:
        network: OrderedDict[str, nn.Module] = OrderedDict()
        for index in range(1, self.stages + 1):
            width = self.width * 2 ** (index - 1)
            parts: OrderedDict[str, nn.Module] = OrderedDict()
            if index == 1:
                parts["stem"] = conv_norm(signature.input_shape[0], width, 3)
            else:
                parts["reduction"] = Reduction(width // 2, width)
            parts |= {f"cell{number}": Cell(edges, width) for number in range(1, self.repeats + 1)}
            if index == self.stages:
                parts |= {"norm": nn.BatchNorm2d(width), "activation": nn.ReLU()}
                parts |= classifier(width, signature.classes)
            network[f"stage{index}"] = nn.Sequential(parts)
        return nn.Sequential(network)


class Cell(nn.Module):
    """The sum, at each node, of its live edges' operations; (B, width, H, W) -> the same shape.

    A cell without live edges gives zeros, as in the benchmark, and then nothing before it learns.
    """

    def __init__(self, edges: tuple[cell_graph.Edge, ...], width: int) -> None:
        super().__init__()
        self.wiring = tuple((edge.source, edge.target, f"edge_{edge.source}_{edge.target}") for edge in edges)
        self.operations = nn.ModuleDict(
            {name: _operation(edge.operation, width) for edge, (_, _, name) in zip(edges, self.wiring, strict=True)}
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the output node."""
        nodes = {cell_graph.INPUT: x}
        for source, target, name in self.wiring:
            term = self.operations[name](nodes[source])
            nodes[target] = nodes[target] + term if target in nodes else term
        return nodes[cell_graph.OUTPUT] if self.wiring else x * 0.0


class Reduction(nn.Module):
    """Two 3x3 convolutions, the first of stride 2, and a shortcut of average pooling and a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = activated_conv(inputs, outputs, 3, stride=2)
        self.second = activated_conv(outputs, outputs, 3)
        self.pool = nn.AvgPool2d(2, stride=2, ceil_mode=True)  # odd sides round up, as the convolution does
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, ceil(H / 2), ceil(W / 2)) for x (B, inputs, H, W)."""
        out: Tensor = self.second(self.first(x)) + self.shortcut(self.pool(x))
        return out


def activated_conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    """Return ReLU, convolution and batch norm, in this order; (B, inputs, H, W) -> (B, outputs, H', W')."""
    return nn.Sequential(OrderedDict(activation=nn.ReLU(), **_named(conv_norm(inputs, outputs, kernel, stride=stride))))


def _named(block: nn.Sequential) -> dict[str, nn.Module]:
    return dict(block.named_children())


def _operation(name: str, width: int) -> nn.Module:
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    if name == "skip_connect":
        return nn.Identity()
    return activated_conv(width, width, 1 if name == "nor_conv_1x1" else 3)
