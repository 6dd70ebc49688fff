"""He's initialisation for a pruned network: kept weights grow as their number shrinks."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pruning.errors import PruningError
from pruning.initialization.fill import fill_, normal
from pruning.matrices import Matrices


def density_scaled_he_(
    module: nn.Module,
    generator: torch.Generator,
    *,
    gain: float = math.sqrt(2.0),
    masks: Mapping[str, Tensor] | None = None,
) -> None:
    """Fill each kept weight from N(0, gain^2 / (fan_in * density of its layer)); by default 2 / (fan_in * p_l).

    Then the mean over a layer's outputs of the summed variance of their kept weights is that of the dense layer.
    Masked weights become exactly zero; so does a layer that keeps nothing. Biases zero, normalisation kept.

    Args:
        module: the network, changed in place.
        generator: a CPU generator; the only randomness.
        gain: factor on the standard deviation; `GAINS` lists them by activation.
        masks: one for each prunable weight; required.

    Raises:
        PruningError: there are no masks; and as `fill_`.

    Source: Evci et al., Gradient flow in sparse neural networks, AAAI 2022, arXiv 2010.03533;
    Hayou et al., ICLR 2021, arXiv 2002.08797 (rescaling after pruning).
    Differs from the first: one scale for a layer, not one for each unit; a unit with more kept inputs has the
    larger signal, as in the network that was pruned.
    """
    if masks is None:
        raise PruningError(
            "density_scaled_he must have masks, whose densities are its scale; got none (initialization). "
            "Pass masks=prune(...), or use he."
        )
    densities = {name: float(mask.float().mean()) for name, mask in masks.items()}

    def draw(name: str, layout: Matrices) -> Tensor:
        std = gain / math.sqrt(layout.fan_in * densities[name]) if densities[name] > 0 else 0.0
        return normal(layout, std, generator)

    fill_(module, generator, draw, gain=gain, masks=masks)
