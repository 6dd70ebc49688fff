"""Orthogonal weights: every singular value of every layer is the gain."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pruning.initialization.fill import fill_, haar
from pruning.matrices import Matrices


def orthogonal_(
    module: nn.Module,
    generator: torch.Generator,
    *,
    gain: float = 1.0,
    masks: Mapping[str, Tensor] | None = None,
) -> None:
    """Fill each weight with gain times a uniformly random orthogonal matrix; biases zero, normalisation kept.

    Rectangular matrices have orthonormal columns (tall) or rows (wide). A convolution is reshaped to output
    channels x (input channels * taps), each group and each recurrent gate by itself; that keeps the variance of a
    channel but not the norm of an image (`delta_orthogonal_` does). Masks zero entries afterwards, which destroys
    orthogonality (`approximate_isometry_` restores what it can).

    Args:
        module: the network, changed in place.
        generator: a CPU generator; the only randomness.
        gain: all singular values; `GAINS` lists them by activation. 1 makes a linear network an isometry.
        masks: one for each prunable weight; masked weights become exactly zero.

    Raises:
        PruningError: as `fill_`.

    Cost: one QR a weight; under a second for 512 x 4608 on one core.
    Source: Saxe, McClelland and Ganguli, ICLR 2014, arXiv 1312.6120, section 3.
    """

    def draw(_: str, layout: Matrices) -> Tensor:
        return gain * haar(layout, layout.columns, generator)

    fill_(module, generator, draw, gain=gain, masks=masks)
