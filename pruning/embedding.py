"""A dense target network inside a randomly masked wider one: the proof's construction, carried out on a given mask."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pruning.errors import PruningError
from pruning.width import success_probability

NOTHING = -1
"""What a first-layer unit copies that can see no input."""


def copied_inputs(mask: Tensor) -> Tensor:
    """Return which input each unit of a masked first layer shall copy: of those it sees, the one copied least so far.

    Args:
        mask: (units, inputs), bool.

    Returns:
        int64 (units,); NOTHING where a unit sees no input.
    """
    copied, served = [], [0] * mask.shape[1]
    for row in mask.tolist():
        seen = [unit for unit, kept in enumerate(row) if kept]
        choice = min(seen, key=served.__getitem__, default=NOTHING)
        if seen:
            served[choice] += 1
        copied.append(choice)
    return torch.tensor(copied)


def embedding_probability(
    weights: Sequence[Tensor], copied: Tensor, widths: Sequence[int], densities: Sequence[float]
) -> float:
    """Return the probability that all masks but the first hold the target, given what the first layer copies.

    For each target weight that is not zero, each copy of the unit it leads to must keep an edge to some copy of the
    unit it comes from: (1 - (1 - p)^n)^m with n copies and m such requirements, input by input after the first layer.

    Args:
        weights: the target's k weights, (out, in) each.
        copied: what the first layer's units copy (`copied_inputs`).
        widths: of the source's k hidden layers; unit i after the first copies the target's unit i modulo its number.
        densities: of the source's k masks after the first, Bernoulli.

    Source: Gadhikar, Mukherjee and Burkholz, ICML 2023, arXiv 2210.02412 (the lower bound on the width).
    """
    chance = 1.0
    for layer, (weight, density) in enumerate(zip(weights, densities, strict=True)):
        outputs, inputs = weight.shape
        readers = _copies(widths[layer + 1], outputs) if layer + 1 < len(weights) else [1] * outputs
        written = torch.bincount(copied[copied != NOTHING], minlength=inputs).tolist() if layer == 0 else None
        given = _copies(widths[layer], inputs) if written is None else written
        for unit in range(inputs):
            needed = sum(readers[o] for o in range(outputs) if float(weight[o, unit]) != 0)
            chance *= success_probability(density, given[unit], needed)
    return chance


@torch.no_grad()
def embed_(source: nn.Module, masks: Mapping[str, Tensor], target: nn.Module, low: float = -1.0) -> bool:
    """Fill the source so that, masked, it computes what the target does; return whether its masks allow it.

    The source has one linear layer more than the target, since inputs cannot be copied otherwise: each unit of its
    first layer copies one input it can see, shifted above zero by a bias that the next layer takes back. Unit i of a
    later hidden layer copies the target's unit i modulo their number, by one edge for each of that unit's weights; the
    other kept weights are zero. If some weight finds no edge the source is left half filled and False returned.

    Args:
        source: linear layers with biases and ReLU between them, of the target's inputs and outputs.
        masks: one for each of the source's weights.
        target: the same, one layer less.
        low: least value that an input takes.

    Raises:
        PruningError: the networks' layers do not fit each other.

    Source: Gadhikar, Mukherjee and Burkholz, ICML 2023, arXiv 2210.02412 (the construction with L + 1 layers).
    Differs from the paper: exact, for a target of ReLU layers; every copy must be whole, none is spared.
    """
    wide, dense = _layers(source), _layers(target)
    _check(list(wide.values()), list(dense.values()))
    for layer in wide.values():
        layer.weight.zero_()
        layer.bias.zero_()
    seen = [masks[f"{name}.weight" if name else "weight"].to("cpu") for name in wide]
    owners = copied_inputs(seen[0])
    first, *later = wide.values()
    used = owners != NOTHING
    first.weight[used, owners[used]] = 1.0
    first.bias.fill_(-low)
    shift = -low  # of each copied input; taken back by the biases of the next layer
    for layer, mask, model in zip(later, seen[1:], dense.values(), strict=True):
        own = torch.arange(layer.out_features) % model.out_features
        if not _plant(layer, mask, model, owners, own):
            return False
        layer.bias.copy_((model.bias - shift * model.weight.sum(1))[own])
        owners, shift = own, 0.0
    return True


def _plant(layer: nn.Linear, mask: Tensor, model: nn.Linear, owners: Tensor, own: Tensor) -> bool:
    """Put each of the model's weights on one edge of each copy that needs it; False if one finds none."""
    for unit in range(model.in_features):
        places = (owners == unit).nonzero().flatten()
        edges = mask[:, places]
        needed = model.weight[own, unit]
        if bool(((needed != 0) & ~edges.any(1)).any()):
            return False
        if len(places):
            rows = edges.any(1).nonzero().flatten()
            layer.weight[rows, places[edges[rows].to(torch.uint8).argmax(1)]] = needed[rows]
    return True


def _copies(width: int, units: int) -> list[int]:
    """Return how many of `width` units copy each of `units`, in turn."""
    return [math.ceil((width - unit) / units) for unit in range(units)]


def _layers(module: nn.Module) -> dict[str, nn.Linear]:
    return {name: layer for name, layer in module.named_modules() if isinstance(layer, nn.Linear)}


def _check(wide: Sequence[nn.Linear], dense: Sequence[nn.Linear]) -> None:
    """Raise if the source is not one layer deeper with the target's ends, or a hidden layer is too narrow."""
    sizes, wanted = ([layers[0].in_features, *(x.out_features for x in layers)] for layers in (wide, dense))
    fits = len(wide) == len(dense) + 1 and (sizes[0], sizes[-1]) == (wanted[0], wanted[-1])
    if not fits or any(w < h for w, h in zip(sizes[2:], wanted[1:], strict=True)):
        raise PruningError(
            f"the source must have one layer more than the target, its inputs and outputs, and hidden layers no "
            f"narrower; got sizes {sizes} for {wanted}. Use guaranteed_widths."
        )
