"""What all initialisations share: which tensors are written, in which order, and what is checked before."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from pruning.errors import PruningError
from pruning.masks import check_masks
from pruning.matrices import Matrices, matrices
from pruning.parameters import prunable


class Initialization(Protocol):
    """Fills a network's prunable weights in place; see `fill_` for what happens to the rest."""

    def __call__(
        self,
        module: nn.Module,
        generator: torch.Generator,
        *,
        gain: float = ...,
        masks: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Fill `module` from the CPU `generator`; with masks, masked weights become exactly zero."""
        ...


Draw = Callable[[str, Matrices], Tensor]
"""(parameter name, layout) -> float64 CPU tensor (groups, rows, columns)."""


def fill_(
    module: nn.Module, generator: torch.Generator, draw: Draw, *, gain: float, masks: Mapping[str, Tensor] | None
) -> None:
    """Write what `draw` returns into each prunable weight, in module order, and zero into their layers' biases.

    Values are drawn on the CPU in float64 and rounded once, so the same generator state gives the same weights on
    every device. A weight shared by several layers is drawn once. Normalisation, embeddings and a custom module's
    own parameters stay as they are. Everything is checked before the first write.

    Args:
        module: the network.
        generator: a CPU generator, advanced; checked here, used by `draw`.
        draw: the values of one weight.
        gain: factor on the standard deviation; checked here, used by `draw`.
        masks: one for each prunable weight; where it is False the weight becomes exactly zero.

    Raises:
        PruningError: the generator is not on the CPU, the gain is not positive and finite, the masks do not fit,
            or a weight is on the meta device.
    """
    _check(generator, gain)
    if masks is not None:
        check_masks(module, masks)
    weights, layouts = prunable(module), matrices(module)
    for name, weight in weights.items():
        if weight.is_meta:
            raise PruningError(
                f"a weight must have storage to be initialised; got a meta tensor ('{name}'). Use to_empty first."
            )
    with torch.no_grad():
        for name, weight in weights.items():
            values = layouts[name].unstack(draw(name, layouts[name]))
            weight.copy_(values if masks is None else values.masked_fill(~masks[name].cpu(), 0.0))
        for bias in _biases(module, {id(weight) for weight in weights.values()}):
            bias.zero_()


def scaled_normal_(
    module: nn.Module,
    generator: torch.Generator,
    scale: Callable[[Matrices], float],
    *,
    gain: float,
    masks: Mapping[str, Tensor] | None,
) -> None:
    """Fill each weight from N(0, (gain * scale)^2), with one scale for each layer; biases zero, normalisation kept.

    Args:
        module: the network, changed in place.
        generator: a CPU generator; the only randomness.
        scale: a layer's layout -> standard deviation at gain 1. Its fan_in and fan_out count one group's inputs and
            outputs times the taps of the kernel; strides are ignored, as usual.
        gain: factor on the standard deviation; `GAINS` lists them by activation.
        masks: one for each prunable weight; masked weights become exactly zero. The scale stays that of the dense
            layer (`density_scaled_he_` makes up for what the masks remove).

    Raises:
        PruningError: as `fill_`.
    """
    fill_(module, generator, lambda _, layout: normal(layout, gain * scale(layout), generator), gain=gain, masks=masks)


def normal(layout: Matrices, std: float, generator: torch.Generator) -> Tensor:
    """Return independent N(0, std^2) values, float64, (groups, rows, columns)."""
    values = torch.empty(layout.groups, layout.rows, layout.columns, dtype=torch.float64)
    return values.normal_(0.0, std, generator=generator)


def haar(layout: Matrices, columns: int, generator: torch.Generator) -> Tensor:
    """Return (groups, rows, columns): orthonormal columns if tall, orthonormal rows if wide, both if square.

    Each matrix is uniform over all such matrices (Haar), independent of the others.
    Source: Mezzadri, Notices of the AMS 54(5), 2007: QR of a Gaussian with the signs of R's diagonal moved to Q.
    """
    tall, narrow = max(layout.rows, columns), min(layout.rows, columns)
    gaussian = torch.empty(layout.groups, tall, narrow, dtype=torch.float64).normal_(generator=generator)
    q, r = torch.linalg.qr(gaussian)
    signs = torch.where(r.diagonal(dim1=-2, dim2=-1) < 0, -1.0, 1.0).to(q.dtype)
    orthogonal: Tensor = q * signs[:, None, :]
    return orthogonal if layout.rows >= columns else orthogonal.transpose(1, 2)


def _biases(module: nn.Module, weights: set[int]) -> list[Tensor]:
    """Return the biases of all layers that hold one of the weights (by identity)."""
    layers = (part for part in module.modules() if any(id(p) in weights for p in part._parameters.values()))
    return [
        parameter
        for layer in layers
        for leaf, parameter in layer._parameters.items()
        if parameter is not None and (leaf.startswith("bias") or leaf == "in_proj_bias")
    ]


def _check(generator: torch.Generator, gain: float) -> None:
    if generator.device.type != "cpu":
        raise PruningError(
            f"generator must be on the CPU; got {generator.device} (initialization). "
            f"Weights are drawn on the CPU so that they are the same on every device."
        )
    if not (math.isfinite(gain) and gain > 0):
        raise PruningError(f"gain must be positive and finite; got {gain} (initialization). Use one of GAINS.")
