"""The Erdős–Rényi-Kernel densities."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Size


def erk(shapes: Mapping[str, Size], density: float) -> dict[str, float]:
    """Return shares proportional to the sum of the weight's sizes: density_l ~ sum(shape_l) / prod(shape_l).

    A convolution of shape (out, in / groups, height, width) gets out + in / groups + height + width, a matrix
    out + in. A recurrent or attention weight that stacks several matrices counts as the one matrix it is stored
    as. Layers whose density would exceed 1 are filled and the rest redistributed by `exact_counts`.

    Args:
        shapes: layer -> shape of its weight.
        density: kept fraction of all weights, in (0, 1]; the shares do not depend on it.

    Source: Evci et al., Rigging the Lottery, ICML 2020, arXiv 1911.11134, section 3.
    """
    return {name: float(sum(shape)) for name, shape in shapes.items()}
