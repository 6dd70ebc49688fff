"""Delta-orthogonal convolutions: an orthogonal matrix at the kernel's centre, zero around it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pruning.initialization.fill import fill_, haar
from pruning.matrices import Matrices


def delta_orthogonal_(
    module: nn.Module,
    generator: torch.Generator,
    *,
    gain: float = 1.0,
    masks: Mapping[str, Tensor] | None = None,
) -> None:
    """Fill each convolution with gain times an orthogonal matrix at its centre tap; dense weights as `orthogonal_`.

    The map of a whole image, not only of a patch, then has all singular values equal to the gain, at stride 1,
    circular or "same" zero padding, and at least as many outputs as inputs in each group; with fewer outputs the
    images it does not remove keep their norm. The centre of a kernel of even size is size // 2.

    Args:
        module: the network, changed in place.
        generator: a CPU generator; the only randomness.
        gain: all singular values.
        masks: one for each prunable weight; masked weights become exactly zero. Masks that were not made for
            these weights may leave nothing of the centre.

    Raises:
        PruningError: as `fill_`.

    Source: Xiao et al., ICML 2018, arXiv 1806.05393, algorithm 2.
    Differs from the paper: layers with more inputs than outputs are allowed, and get orthonormal rows.
    """

    def draw(_: str, layout: Matrices) -> Tensor:
        values = torch.zeros(layout.groups, layout.rows, layout.inputs, layout.taps, dtype=torch.float64)
        values[..., _centre(layout.kernel)] = gain * haar(layout, layout.inputs, generator)
        return values.flatten(2)

    fill_(module, generator, draw, gain=gain, masks=masks)


def _centre(kernel: tuple[int, ...]) -> int:
    """Return the flat index of the middle tap."""
    return sum((size // 2) * math.prod(kernel[axis + 1 :]) for axis, size in enumerate(kernel))
