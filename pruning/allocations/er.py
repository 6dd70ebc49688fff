"""The Erdős–Rényi densities."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Size


def er(shapes: Mapping[str, Size], density: float) -> dict[str, float]:
    """Return shares that give each unit the same expected degree: density_l ~ (out + in) / (out * in).

    Out and in are the first two sizes of the weight; a kernel's width and height do not count, as they do in
    `erk`, of which this is the case of a matrix. Layers whose density would exceed 1 are filled and the rest
    redistributed by `exact_counts`.

    Args:
        shapes: layer -> shape of its weight, of at least two sizes.
        density: kept fraction of all weights, in (0, 1]; the shares do not depend on it.

    Source: Mocanu et al., Nature Communications 2018, arXiv 1707.04780, equation 1; Evci et al., ICML 2020, arXiv
    1911.11134, section 3.
    """
    return {name: shape.numel() * (shape[0] + shape[1]) / (shape[0] * shape[1]) for name, shape in shapes.items()}
