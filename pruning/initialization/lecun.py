"""LeCun's initialisation: linear units keep their variance."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pruning.initialization.fill import fill_, normal
from pruning.matrices import Matrices


def lecun_(
    module: nn.Module,
    generator: torch.Generator,
    *,
    gain: float = 1.0,
    masks: Mapping[str, Tensor] | None = None,
) -> None:
    """Fill each weight from N(0, gain^2 / fan_in), by default 1 / fan_in; biases zero, normalisation kept.

    fan_in counts one group's inputs times the taps of the kernel.

    Args:
        module: the network, changed in place.
        generator: a CPU generator; the only randomness.
        gain: factor on the standard deviation; `GAINS` lists them by activation.
        masks: one for each prunable weight; masked weights become exactly zero. The scale stays that of the dense
            layer (`density_scaled_he_` makes up for what the masks remove).

    Raises:
        PruningError: as `fill_`.

    Source: LeCun, Bottou, Orr and Müller, Efficient BackProp, 1998, section 4.6.
    """

    def draw(_: str, layout: Matrices) -> Tensor:
        return normal(layout, gain / math.sqrt(layout.fan_in), generator)

    fill_(module, generator, draw, gain=gain, masks=masks)
