"""Weights of one size and random sign: what strong tickets are sought in."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pruning.initialization.fill import fill_
from pruning.matrices import Matrices


def signed_constant_(
    module: nn.Module,
    generator: torch.Generator,
    *,
    gain: float = math.sqrt(2.0),
    masks: Mapping[str, Tensor] | None = None,
) -> None:
    """Fill each weight with + or - gain / sqrt(fan_in), each with probability 1/2; biases zero, normalisation kept.

    Mean and variance are those of `he_`. The size is that of the dense layer, whatever the masks. Arguments and
    errors: as for `scaled_normal_`.

    Source: Ramanujan et al., CVPR 2020, arXiv 1911.13299, section 4.2 (signed Kaiming constant).
    Differs from the paper: signs are drawn, not taken from normal weights, which have the same distribution.
    """

    def draw(_: str, layout: Matrices) -> Tensor:
        shape = (layout.groups, layout.rows, layout.columns)
        signs = torch.randint(2, shape, generator=generator).to(torch.float64) * 2 - 1
        return signs * (gain / math.sqrt(layout.fan_in))

    fill_(module, generator, draw, gain=gain, masks=masks)
