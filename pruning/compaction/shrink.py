"""The cut itself: layers and batch norms of a network made smaller, in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from pruning.compaction.plan import LayerCut, Plan
from pruning.errors import PruningError


def shrink_(module: nn.Module, plan: Plan) -> nn.Module:
    """Cut the module's layers as the plan says and return it; a bias that is added is zero.

    Args:
        module: a network of the plan's architecture, on any device, the meta device included; changed in place.
        plan: which units each layer keeps.

    Raises:
        PruningError: the plan names a layer or a unit that the network lacks.
    """
    for path, cut in plan.layers.items():
        layer = _part(module, path)
        if not isinstance(layer, nn.Linear | _ConvNd):
            raise _unfit(path, f"a {type(layer).__name__}")
        _cut_layer(layer, cut, path)
    for path, kept in plan.norms.items():
        norm = _part(module, path)
        if not isinstance(norm, _BatchNorm) or norm.num_features <= kept[-1]:
            raise _unfit(path, f"a {type(norm).__name__}")
        for table in (norm._parameters, norm._buffers):
            for name, tensor in table.items():
                if tensor is not None and tensor.ndim:
                    _put(table, name, tensor[_at(tensor, kept)])
        norm.num_features = len(kept)
    return module


def cut_weight(weight: Tensor, cut: LayerCut, groups: int) -> Tensor:
    """Return the kept part of a weight (outputs, inputs / groups, ...), or of a mask of its shape."""
    rows = weight[_at(weight, cut.outputs)]
    return rows if groups > 1 else rows[:, _at(weight, cut.inputs)]


def _cut_layer(layer: Any, cut: LayerCut, path: str) -> None:
    groups = getattr(layer, "groups", 1)
    is_linear = isinstance(layer, nn.Linear)
    sizes = (layer.in_features, layer.out_features) if is_linear else (layer.in_channels, layer.out_channels)
    if cut.inputs[-1] >= sizes[0] or cut.outputs[-1] >= sizes[1]:
        raise _unfit(path, f"{sizes[0]} inputs and {sizes[1]} outputs")
    _put(layer._parameters, "weight", cut_weight(layer.weight.detach(), cut, groups))
    if layer.bias is not None:
        _put(layer._parameters, "bias", layer.bias.detach()[_at(layer.bias, cut.outputs)])
    elif cut.bias:
        layer.bias = nn.Parameter(layer.weight.new_zeros(len(cut.outputs)))
    if is_linear:
        layer.in_features, layer.out_features = len(cut.inputs), len(cut.outputs)
    else:
        layer.in_channels, layer.out_channels, layer.groups = len(cut.inputs), len(cut.outputs), cut.groups


def _put(table: Any, name: str, tensor: Tensor) -> None:
    """Put a smaller tensor in an old one's place: a parameter where there was one, with its requires_grad."""
    old, own = table[name], tensor.detach().clone()
    table[name] = nn.Parameter(own, old.requires_grad) if isinstance(old, nn.Parameter) else own


def _at(tensor: Tensor, kept: Sequence[int]) -> Tensor:
    return torch.tensor(kept, dtype=torch.int64, device=tensor.device)


def _part(module: nn.Module, path: str) -> nn.Module:
    try:
        return module.get_submodule(path)
    except AttributeError:
        raise _unfit(path, "no such module") from None


def _unfit(path: str, got: str) -> PruningError:
    return PruningError(
        f"a plan must fit the network it is for; got {got} where it cuts '{path}'. "
        f"Use it with the architecture it was made for."
    )
