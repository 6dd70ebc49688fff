"""Glorot's initialisation: a compromise between signals and gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pruning.initialization.fill import scaled_normal_


def glorot_(
    module: nn.Module,
    generator: torch.Generator,
    *,
    gain: float = 1.0,
    masks: Mapping[str, Tensor] | None = None,
) -> None:
    """Fill each weight from N(0, gain^2 * 2 / (fan_in + fan_out)); biases zero, normalisation kept.

    Arguments and errors: as for `scaled_normal_`.

    Source: Glorot and Bengio, AISTATS 2010, equation 12 (the variance; there uniform, here normal).
    """
    scaled_normal_(
        module, generator, lambda layout: math.sqrt(2.0 / (layout.fan_in + layout.fan_out)), gain=gain, masks=masks
    )
