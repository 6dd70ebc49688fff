"""The network as a graph of units: which weight joins which channels or features, read from one forward pass.

A node stands for a tensor and holds its units (channels, features); the steps, in the order of the forward pass,
make each node from earlier ones, so that node numbers are a topological order:

- `Weighted`: the units of a source times a weight: convolutions (grouped, depthwise, transposed, dilated), linear
  maps, projections of attention, and the weights of recurrent cells, whose edges through time are marked;
- `Junction`: units moved or added without a weight: residual sums, gates, concatenations, slices, shuffles,
  flattening (one channel becomes many inputs), the heads of attention, the gates of a recurrent unit.

Normalisation, activation and pooling leave units what they are and have no step, but are listed (`Pass`). Walks,
reachability, flow repair and compaction stand on this graph, and so do the features of `predictors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from torch import nn

from pruning.tracing import Indices, Junction, Part, Pass, Use, Weighted, record

__all__ = ["Indices", "Junction", "LayerGraph", "Part", "Pass", "Use", "Weighted", "trace"]


@dataclass(frozen=True)
class LayerGraph:
    """A network's wiring, immutable.

    Attributes:
        units: number of units of each node; node 0 is the input.
        steps: what makes each other node, in an order in which sources come first.
        uses: parameter name -> how the forward applies it, in the order of first use; `Weighted.layer` is an
            index into it. A weight used several times (tied) stands once and has several steps.
        outputs: the nodes the network returns.
        passes: the functions that leave units what they are and so have no step, in order.
    """

    units: tuple[int, ...]
    steps: tuple[Junction | Weighted, ...]
    uses: Mapping[str, Use]
    outputs: tuple[int, ...]
    passes: tuple[Pass, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Parameter name of each layer number."""
        return tuple(self.uses)

    @cached_property
    def weighted(self) -> tuple[Weighted, ...]:
        """The steps that apply a weight, in order."""
        return tuple(step for step in self.steps if isinstance(step, Weighted))

    @cached_property
    def unresolved(self) -> tuple[str, ...]:
        """Weights the forward applies in a way the graph does not hold (products, einsum, bilinear maps)."""
        wired = {step.layer for step in self.weighted}
        return tuple(name for number, name in enumerate(self.uses) if number not in wired)


def trace(module: nn.Module, input_shape: Sequence[int]) -> LayerGraph:
    """Return the graph of one forward pass of `module` in eval mode; no arithmetic, about a millisecond.

    Args:
        module: any network whose forward takes one tensor; untouched bit for bit.
        input_shape: shape of one sample, without the batch axis; channels first.

    Raises:
        PruningError: the network does not accept the shape, or its forward depends on values.
    """
    tape = record(module, input_shape)
    outputs = tuple(dict.fromkeys(tape.outputs))
    return LayerGraph(tuple(tape.units), tuple(tape.steps), MappingProxyType(tape.uses), outputs, tuple(tape.passes))
