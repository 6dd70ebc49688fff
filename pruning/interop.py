"""To and from torch.nn.utils.prune, which keeps a mask beside each weight."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn
from torch.nn.utils import prune as torch_prune

from pruning.errors import PruningError
from pruning.masks import MaskSet, check_masks
from pruning.parameters import LOOKUPS, weight_glob


def to_torch_(module: nn.Module, masks: Mapping[str, Tensor]) -> nn.Module:
    """Put the masks on the network as torch.nn.utils.prune does, and return the network.

    Each weight becomes `<name>_orig` (unchanged, the parameter that is trained) and the buffer `<name>_mask`; the
    layer multiplies them before each pass. A shared weight is masked in every layer that holds it. Undone by
    `torch.nn.utils.prune.remove`, which leaves the masked weights at zero.

    Raises:
        PruningError: the masks do not fit the network.
    """
    check_masks(module, masks)
    holders = [(layer, leaf, p) for layer in module.modules() for leaf, p in layer._parameters.items()]
    for name, mask in masks.items():
        weight = module.get_parameter(name)
        for layer, leaf in [(layer, leaf) for layer, leaf, p in holders if p is weight]:
            torch_prune.custom_from_mask(layer, leaf, mask.to(weight.device))  # type: ignore[no-untyped-call]
    return module


def from_torch(module: nn.Module, metadata: Mapping[str, str] | None = None) -> MaskSet:
    """Return the masks that torch.nn.utils.prune has put on a network.

    Weights it has not touched are kept whole. The network is not changed; the names are those its parameters have
    without the pruning, so that the masks fit a fresh copy of the network.

    Args:
        module: a network, pruned by any method of torch.nn.utils.prune and not made permanent.
        metadata: text to keep with the masks.

    Raises:
        PruningError: something other than a prunable weight is masked, such as a bias, or nothing is prunable.
    """
    seen = {id(layer.weight) for layer in module.modules() if isinstance(layer, LOOKUPS)}
    masks: dict[str, Tensor] = {}
    for prefix, layer in module.named_modules():
        _refuse_other_masks(layer, prefix)
        for leaf, weight in _weights(layer).items():
            if id(weight) not in seen and weight.numel() > 0:
                seen.add(id(weight))
                mask = layer._buffers.get(f"{leaf}_mask")
                kept = torch.ones(weight.shape, dtype=torch.bool) if mask is None else mask.detach() != 0
                masks[f"{prefix}.{leaf}" if prefix else leaf] = kept
    return MaskSet(masks, metadata)


def _weights(layer: nn.Module) -> dict[str, nn.Parameter]:
    """Return the layer's prunable weights under their names without pruning."""
    named = {leaf.removesuffix("_orig"): p for leaf, p in layer._parameters.items() if p is not None}
    glob = weight_glob(layer)
    return {} if glob is None else {leaf: p for leaf, p in named.items() if fnmatchcase(leaf, glob)}


def _refuse_other_masks(layer: nn.Module, prefix: str) -> None:
    weights = _weights(layer)
    for leaf in layer._parameters:
        base = leaf.removesuffix("_orig")
        if base != leaf and base not in weights and f"{base}_mask" in layer._buffers:
            raise PruningError(
                f"only prunable weights may be masked; got a mask of '{base}' in {type(layer).__name__} '{prefix}'. "
                f"Make that one permanent first (torch.nn.utils.prune.remove)."
            )
