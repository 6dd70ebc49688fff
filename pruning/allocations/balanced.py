"""The same number of weights in every layer."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Size


def balanced(shapes: Mapping[str, Size], density: float) -> dict[str, float]:
    """Return equal shares: kept_l = min(level, size_l), with the one level at which the total is met.

    Args:
        shapes: layer -> shape of its weight.
        density: kept fraction of all weights, in (0, 1]; the shares do not depend on it.

    Source: Gadhikar, Mukherjee and Burkholz, ICML 2023, arXiv 2210.02412 (balanced layer densities).
    Differs from the published code: what a full layer cannot take goes to the others, by `exact_counts`; merely
    clamped, a CIFAR ResNet-18 keeps 0.27 of its weights when half are asked for.
    """
    return dict.fromkeys(shapes, 1.0)
