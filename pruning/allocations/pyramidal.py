"""Densities that fall by one factor from layer to layer."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Size

from pruning.bisection import crossing


def pyramidal(shapes: Mapping[str, Size], density: float) -> dict[str, float]:
    """Return the counts max(size_l r^l, 1) of layers l = 1, 2, ... with the r in (0, 1] that meets the density.

    At low densities little is left for the last layers: of a CIFAR ResNet-18 at 0.01 the classifier keeps 3 of
    5120 weights. `Sparsity.densities` gives it more.

    Args:
        shapes: layer -> shape of its weight, from the first layer to the last.
        density: kept fraction of all weights, in (0, 1].

    Source: Gadhikar, Mukherjee and Burkholz, ICML 2023, arXiv 2210.02412 (pyramidal layer densities).
    Differs from the paper: at least one weight in each layer; r by bisection instead of a polynomial's roots.
    """
    sizes = [shape.numel() for shape in shapes.values()]

    def counts(steepness: float) -> list[float]:
        return [max(size * (1 - steepness) ** depth, 1.0) for depth, size in enumerate(sizes, start=1)]

    steepness = crossing(lambda x: sum(counts(x)), density * sum(sizes), 0.0, 1.0)
    return dict(zip(shapes, counts(steepness), strict=True))
