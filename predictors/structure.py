"""The structure of a masked network: its layers, their masks and their wiring, read once and shared by all features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from predictors.errors import PredictorError
from pruning import PruningError
from pruning.allocations.erk import erk
from pruning.counts import exact_counts
from pruning.flow import Flow, by_units, flow
from pruning.graph import Junction, LayerGraph, Use, Weighted, trace

Floats: TypeAlias = npt.NDArray[np.float64]

_PIECE = 65_536
"""Entries that are read at once: half a megabyte of float64."""


@dataclass(frozen=True)
class Layer:
    """One prunable weight as the forward pass applies it.

    Attributes:
        name: parameter name.
        shape: weight shape; `groups` > 1 for grouped and depthwise convolutions.
        positions: multiply-adds per sample of each kept entry (output positions of a convolution).
        mask: bool, flat, True = kept.
        counts, magnitudes, squares: (groups, outputs / groups, inputs / groups) float64; the number of kept
            entries, the sum of |w| and the sum of w^2 over the kernel positions joining two units.
        is_shortcut: its output is added to a deeper branch that does not pass through it.
    """

    name: str
    shape: tuple[int, ...]
    groups: int
    positions: int
    mask: npt.NDArray[np.bool_]
    counts: Floats
    magnitudes: Floats
    squares: Floats
    is_shortcut: bool

    @property
    def size(self) -> int:
        """Number of entries of the dense weight."""
        return self.mask.size

    @cached_property
    def kept(self) -> int:
        """Number of kept entries."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def in_degrees(self) -> Floats:
        """Kept entries into each output unit, (outputs,)."""
        return np.asarray(self.counts.sum(axis=2)).ravel()

    @cached_property
    def out_degrees(self) -> Floats:
        """Kept entries out of each input unit, (inputs,)."""
        return np.asarray(self.counts.sum(axis=1)).ravel()


@dataclass(frozen=True)
class Structure:
    """Layers in the order of the forward pass, and the graph that joins them."""

    layers: tuple[Layer, ...]
    graph: LayerGraph
    depth: int

    @cached_property
    def sizes(self) -> Floats:
        """Dense entries of each layer, (layers,)."""
        return np.array([layer.size for layer in self.layers], dtype=np.float64)

    @cached_property
    def kept(self) -> Floats:
        """Kept entries of each layer, (layers,)."""
        return np.array([layer.kept for layer in self.layers], dtype=np.float64)

    @cached_property
    def positions(self) -> Floats:
        """Multiply-adds per kept entry of each layer, (layers,)."""
        return np.array([layer.positions for layer in self.layers], dtype=np.float64)

    @cached_property
    def log_densities(self) -> Floats:
        """log10 of each layer's density, an empty layer counted as half an entry, (layers,)."""
        return np.asarray(np.log10(np.maximum(self.kept, 0.5) / self.sizes))

    @cached_property
    def erk_kept(self) -> Floats:
        """Entries each layer would keep under ERK at the same total, at least one each, (layers,)."""
        shapes = {layer.name: torch.Size(layer.shape) for layer in self.layers}
        sizes = {layer.name: layer.size for layer in self.layers}
        total = max(int(self.kept.sum()), len(sizes))
        counts = exact_counts(erk(shapes, total / sum(sizes.values())), sizes, total)
        return np.array(list(counts.values()), dtype=np.float64)

    @cached_property
    def shortcuts(self) -> npt.NDArray[np.bool_]:
        """Which layers are shortcuts, (layers,)."""
        return np.array([layer.is_shortcut for layer in self.layers])

    @cached_property
    def flow(self) -> Flow:
        """Paths through the masked network, computed when a feature first asks."""
        return flow(self.graph, [(layer.counts, layer.magnitudes, layer.squares) for layer in self.layers])


def describe(module: nn.Module, masks: Mapping[str, Tensor], input_shape: Sequence[int]) -> Structure:
    """Return the structure of `module` under `masks`.

    Convolution and linear weights without a mask count as dense. The module is untouched, bit for bit.

    Args:
        module: any network whose forward takes one tensor.
        masks: parameter name -> bool tensor of the parameter's shape, True = kept.
        input_shape: shape of one sample, without the batch axis.

    Raises:
        PredictorError: a mask does not fit its parameter or is not used by the forward, a weight is not finite,
            the network has no prunable weight, or it does not run on the input shape.
    """
    masks = dict(masks)
    _check(module, masks)
    graph = _traced(module, input_shape)
    unused = sorted(set(masks) - set(graph.uses))
    if unused:
        raise PredictorError(
            f"every masked parameter must be a weight that the forward applies; got '{unused[0]}' "
            f"({len(unused)} such in {type(module).__name__}). Leave it out of the masks."
        )
    if not graph.uses:
        raise PredictorError(
            f"network must have a convolution or linear weight; got none ({type(module).__name__}). "
            f"Give the network itself, not a wrapper around its outputs."
        )
    depths = _depths(graph)
    shortcuts = _shortcuts(graph, depths)
    layers = [_layer(n, use, masks.get(n), i in shortcuts) for i, (n, use) in enumerate(graph.uses.items())]
    return Structure(tuple(layers), graph, max((depths[node] for node in graph.outputs), default=0))


def multiply_adds(module: nn.Module, input_shape: Sequence[int], masks: Mapping[str, Tensor] | None = None) -> int:
    """Return the multiply-adds of one sample's forward pass: entries of each weight times its positions.

    Kept entries only where `masks` has the weight; biases, normalisation and activations are not counted.
    One trace, about a millisecond.

    Raises:
        PredictorError: a mask does not fit its parameter, or the network does not run on the input shape.
    """
    masks = dict(masks or {})
    _check(module, masks)
    return sum(
        use.positions * (int(torch.count_nonzero(masks[name])) if name in masks else use.weight.numel())
        for name, use in _traced(module, input_shape).uses.items()
    )


def _traced(module: nn.Module, input_shape: Sequence[int]) -> LayerGraph:
    try:
        return trace(module, input_shape)
    except PruningError as error:
        raise PredictorError(str(error)) from error


def _check(module: nn.Module, masks: Mapping[str, Tensor]) -> None:
    shapes = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
    for name, mask in masks.items():
        if name not in shapes:
            raise PredictorError(
                f"every mask must name a parameter of the network; got '{name}' (not in {type(module).__name__}). "
                f"Use the network the masks were made for."
            )
        if tuple(mask.shape) != shapes[name] or mask.dtype != torch.bool:
            raise PredictorError(
                f"mask of '{name}' must be bool of shape {shapes[name]}; got {mask.dtype} of {tuple(mask.shape)}. "
                f"Use the network the masks were made for."
            )


def _layer(name: str, use: Use, mask: Tensor | None, is_shortcut: bool) -> Layer:
    weight = use.weight.detach().cpu()
    values = (weight if weight.dtype == torch.float64 else weight.float()).numpy()
    kept = np.ones(values.shape, dtype=np.bool_) if mask is None else mask.detach().cpu().numpy()
    counts, magnitudes, squares = _pair_sums(values, kept)
    if not np.isfinite(magnitudes).all():
        raise PredictorError(
            f"kept weights must be finite; got NaN or infinity ('{name}'). Describe the network at initialisation, "
            f"or restore finite weights."
        )
    return Layer(
        name,
        values.shape,
        use.groups,
        use.positions,
        mask=kept.ravel(),
        counts=by_units(counts, values.shape, use),
        magnitudes=by_units(magnitudes, values.shape, use),
        squares=by_units(squares, values.shape, use),
        is_shortcut=is_shortcut,
    )


def _pair_sums(values: npt.NDArray[Any], kept: npt.NDArray[np.bool_]) -> Floats:
    """Return the number, absolute sum and square sum of kept entries of each pair of units, (3, pairs).

    A piece at a time, small enough for a core's cache: a large layer is read once.
    """
    pairs = values.shape[0] * values.shape[1]
    flat, present = values.reshape(pairs, -1), kept.reshape(pairs, -1)
    ones, sums = np.ones(flat.shape[1]), np.empty((3, pairs))
    step = max(1, _PIECE // flat.shape[1])
    for start in range(0, pairs, step):
        part = slice(start, start + step)
        there = present[part].astype(np.float64)
        with np.errstate(invalid="ignore"):
            magnitudes = np.abs(flat[part]) * there
        if not np.isfinite(magnitudes.sum()):  # perhaps only where nothing is kept: entries there may be anything
            magnitudes = np.where(present[part], np.abs(flat[part]).astype(np.float64), 0.0)
        sums[0, part], sums[1, part] = there @ ones, magnitudes @ ones
        sums[2, part] = np.einsum("ij,ij->i", magnitudes, magnitudes)
    return sums


def _depths(graph: LayerGraph) -> list[int]:
    """Return for each node the largest number of weights on a way from the input to it."""
    depths = [0] * len(graph.units)
    for step in graph.steps:
        if isinstance(step, Weighted):
            depths[step.out] = depths[step.source] + 1
        else:
            depths[step.out] = max((depths[part.source] for part in step.parts), default=0)
    return depths


def _shortcuts(graph: LayerGraph, depths: Sequence[int]) -> set[int]:
    """Return the layers whose output is added to a deeper branch that does not pass through them."""
    makers = {step.out: step.layer for step in graph.steps if isinstance(step, Weighted)}
    ancestors = _ancestors(graph)
    found = set()
    for step in graph.steps:
        if isinstance(step, Junction) and step.is_sum:
            nodes = [part.source for part in step.parts]
            for node in nodes:
                beside = (n for n in nodes if depths[n] > depths[node] and not ancestors[n] >> node & 1)
                if node in makers and any(beside):
                    found.add(makers[node])
    return found


def _ancestors(graph: LayerGraph) -> list[int]:
    """Return for each node the nodes it depends on, itself included, as a bit set."""
    sets = [1 << node for node in range(len(graph.units))]
    for step in graph.steps:
        sources = (step.source,) if isinstance(step, Weighted) else tuple(part.source for part in step.parts)
        for source in sources:
            sets[step.out] |= sets[source]
    return sets
