"""He's initialisation: signals keep their second moment through rectifiers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pruning.initialization.fill import fill_, normal
from pruning.matrices import Matrices


def he_(
    module: nn.Module,
    generator: torch.Generator,
    *,
    gain: float = math.sqrt(2.0),
    masks: Mapping[str, Tensor] | None = None,
) -> None:
    """Fill each weight from N(0, gain^2 / fan_in), by default 2 / fan_in; biases zero, normalisation kept.

    fan_in counts one group's inputs times the taps of the kernel. The last layer has the same gain as the others.

    Args:
        module: the network, changed in place.
        generator: a CPU generator; the only randomness.
        gain: factor on the standard deviation; `GAINS` lists them by activation.
        masks: one for each prunable weight; masked weights become exactly zero. The scale stays that of the dense
            layer (`density_scaled_he_` makes up for what the masks remove).

    Raises:
        PruningError: as `fill_`.

    Source: He, Zhang, Ren and Sun, ICCV 2015, arXiv 1502.01852, equation 10.
    """

    def draw(_: str, layout: Matrices) -> Tensor:
        return normal(layout, gain / math.sqrt(layout.fan_in), generator)

    fill_(module, generator, draw, gain=gain, masks=masks)
