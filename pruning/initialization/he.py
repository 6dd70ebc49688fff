"""He's initialisation: signals keep their second moment through rectifiers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pruning.initialization.fill import scaled_normal_


def he_(
    module: nn.Module,
    generator: torch.Generator,
    *,
    gain: float = math.sqrt(2.0),
    masks: Mapping[str, Tensor] | None = None,
) -> None:
    """Fill each weight from N(0, gain^2 / fan_in), by default 2 / fan_in; biases zero, normalisation kept.

    The last layer has the same gain as the others. Arguments and errors: as for `scaled_normal_`.

    Source: He, Zhang, Ren and Sun, ICCV 2015, arXiv 1502.01852, equation 10.
    """
    scaled_normal_(module, generator, lambda layout: 1 / math.sqrt(layout.fan_in), gain=gain, masks=masks)
