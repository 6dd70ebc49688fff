"""The part of approximate isometry that is mere scale: one factor a layer, in closed form."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pruning.isometry.apply import Descent, improve_
from pruning.isometry.penalty import Masked


def scaled_isometry_(module: nn.Module, masks: Mapping[str, Tensor], *, gain: float = 1.0) -> dict[str, Descent]:
    """Multiply each layer (group, gate) by the one factor that minimises its isometry penalty.

    f(c) = ||c^2 A A' - t I||_F^2 is least at c^2 = t ||A||_F^2 / ||A A'||_F^2. The ratios of singular values stay;
    the difference to `approximate_isometry_` is what changing them is worth.

    Args:
        module: the network; its prunable weights are changed in place.
        masks: one for each prunable weight; masked weights become exactly zero.
        gain: the wanted singular value of every layer.

    Returns:
        Parameter name -> penalty before and after.

    Raises:
        PruningError: the masks do not fit, the gain is not positive and finite, or a kept weight is not finite.

    Source: the closed form is ours; Hayou et al., ICLR 2021, arXiv 2002.08797, rescale pruned layers likewise, to
    the variance instead.
    """
    return improve_(module, masks, gain, _scale, monotone=True)


def _scale(layer: Masked) -> tuple[Tensor, tuple[float, ...]]:
    gram = layer.values @ layer.values.transpose(1, 2)
    energy = gram.square().sum((1, 2))
    trace = gram.diagonal(dim1=1, dim2=2).sum(1)
    factor = torch.sqrt(layer.target * trace / energy.where(energy > 0, 1.0)).where(energy > 0, 1.0)
    scaled = layer.values * factor[:, None, None]
    return scaled, (layer.penalty(layer.excess(layer.values)), layer.penalty(layer.excess(scaled)))
