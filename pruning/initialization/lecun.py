"""LeCun's initialisation: linear units keep their variance."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pruning.initialization.fill import scaled_normal_


def lecun_(
    module: nn.Module,
    generator: torch.Generator,
    *,
    gain: float = 1.0,
    masks: Mapping[str, Tensor] | None = None,
) -> None:
    """Fill each weight from N(0, gain^2 / fan_in), by default 1 / fan_in; biases zero, normalisation kept.

    Arguments and errors: as for `scaled_normal_`.

    Source: LeCun, Bottou, Orr and Müller, Efficient BackProp, 1998, section 4.6.
    """
    scaled_normal_(module, generator, lambda layout: 1 / math.sqrt(layout.fan_in), gain=gain, masks=masks)
