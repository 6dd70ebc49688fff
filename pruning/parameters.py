"""Which parameters of a network can be pruned."""

from __future__ import annotations

from fnmatch import fnmatchcase

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import UninitializedParameter

from pruning.errors import PruningError

_WEIGHTS: tuple[tuple[type[nn.Module], str], ...] = (
    (_ConvNd, "weight"),
    (nn.Linear, "weight"),
    (nn.Bilinear, "weight"),
    (nn.RNNBase, "weight_*"),
    (nn.RNNCellBase, "weight_*"),
    (nn.MultiheadAttention, "*_proj_weight"),
)
"""Layer type and the glob its weights' names match; subclasses are covered, biases match no glob."""

LOOKUPS = (nn.Embedding, nn.EmbeddingBag)


def prunable(module: nn.Module) -> dict[str, nn.Parameter]:
    """Return the network's weights that pruning ranks and masks, in module order.

    These are the weights of convolutions (also grouped, depthwise, dilated, transposed), linear and bilinear
    layers, recurrent layers and cells, and attention's input projections, frozen or not. Biases, normalisation,
    embeddings and parameters a custom module holds itself are left out. A weight shared by several layers
    stands once, under its first name; one shared with an embedding is left out with the embedding.

    Args:
        module: any network, on any device; on the meta device for its shapes alone.

    Returns:
        Parameter name, as in `named_parameters()`, -> the parameter itself (not a copy).

    Raises:
        PruningError: a layer's weight is not a parameter (parametrised, or pruned by torch.nn.utils.prune), or
            has no shape yet (lazy).
    """
    seen = {id(layer.weight) for layer in module.modules() if isinstance(layer, LOOKUPS)}
    weights: dict[str, nn.Parameter] = {}
    for prefix, layer in module.named_modules():
        for leaf, weight in _weights_of(layer, prefix):
            if id(weight) not in seen and weight.numel() > 0:
                seen.add(id(weight))
                weights[f"{prefix}.{leaf}" if prefix else leaf] = weight
    return weights


def present(module: nn.Module) -> dict[str, Tensor]:
    """Return which entries exist of the weights of layers built on a graph: name -> bool CPU tensor of its shape.

    Such a layer says by a method `present_weights()`, own parameter name -> bool tensor, which entries its forward
    pass uses. Of all other weights every entry exists; they are not listed, so {} means an ordinary network.
    """
    found = {}
    for prefix, layer in module.named_modules():
        tell = getattr(layer, "present_weights", None)
        for leaf, mask in tell().items() if callable(tell) else ():
            found[f"{prefix}.{leaf}" if prefix else leaf] = mask
    return found


def existing(module: nn.Module) -> dict[str, int]:
    """Return the number of entries of each prunable weight that exist, in module order; also on the meta device."""
    masks = present(module)
    return {
        name: int(masks[name].count_nonzero()) if name in masks else weight.numel()
        for name, weight in prunable(module).items()
    }


def weight_glob(layer: nn.Module) -> str | None:
    """Return the glob that the names of the layer's own prunable weights match, None if it has none."""
    return next((glob for kind, glob in _WEIGHTS if isinstance(layer, kind)), None)


def _weights_of(layer: nn.Module, prefix: str) -> list[tuple[str, nn.Parameter]]:
    glob = weight_glob(layer)
    if glob is None:
        return []
    found = [(leaf, p) for leaf, p in layer._parameters.items() if p is not None and fnmatchcase(leaf, glob)]
    where = f"{type(layer).__name__} '{prefix}'"
    if not found:
        raise PruningError(
            f"a layer's weight must be a plain parameter; got none named '{glob}' in {where}. Make pruning or "
            f"parametrisation permanent first (torch.nn.utils.prune.remove, parametrize.remove_parametrizations)."
        )
    for leaf, weight in found:
        if isinstance(weight, UninitializedParameter):
            raise PruningError(
                f"a weight must have a shape; got a lazy tensor ('{leaf}' of {where}). Run the network once first."
            )
    return found
