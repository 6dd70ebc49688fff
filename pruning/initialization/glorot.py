"""Glorot's initialisation: a compromise between signals and gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pruning.initialization.fill import fill_, normal
from pruning.matrices import Matrices


def glorot_(
    module: nn.Module,
    generator: torch.Generator,
    *,
    gain: float = 1.0,
    masks: Mapping[str, Tensor] | None = None,
) -> None:
    """Fill each weight from N(0, gain^2 * 2 / (fan_in + fan_out)); biases zero, normalisation kept.

    fan_in and fan_out count one group's inputs and outputs times the taps of the kernel; strides are ignored, as usual.

    Args:
        module: the network, changed in place.
        generator: a CPU generator; the only randomness.
        gain: factor on the standard deviation; `GAINS` lists them by activation.
        masks: one for each prunable weight; masked weights become exactly zero. The scale stays that of the dense
            layer (`density_scaled_he_` makes up for what the masks remove).

    Raises:
        PruningError: as `fill_`.

    Source: Glorot and Bengio, AISTATS 2010, equation 12 (the variance; there uniform, here normal).
    """

    def draw(_: str, layout: Matrices) -> Tensor:
        return normal(layout, gain * math.sqrt(2.0 / (layout.fan_in + layout.fan_out)), generator)

    fill_(module, generator, draw, gain=gain, masks=masks)
