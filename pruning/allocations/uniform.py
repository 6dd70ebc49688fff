"""The same density in every layer."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Size


def uniform(shapes: Mapping[str, Size], density: float) -> dict[str, float]:
    """Return shares proportional to the layers' sizes: density_l = density.

    Args:
        shapes: layer -> shape of its weight.
        density: kept fraction of all weights, in (0, 1]; the shares do not depend on it.
    """
    return {name: float(shape.numel()) for name, shape in shapes.items()}
