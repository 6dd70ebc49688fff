"""Ideal gas quotas: every layer is compressed as a gas under one pressure."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Size

from pruning.bisection import crossing


def igq(shapes: Mapping[str, Size], density: float) -> dict[str, float]:
    """Return the counts max(size_l / (force * size_l + 1), 1) with the one force >= 0 that meets the density.

    The larger a layer, the lower its density 1 / (force * size + 1). No layer keeps more than 1 / force weights, so
    that at low densities this is `balanced`, with a soft edge.

    Args:
        shapes: layer -> shape of its weight.
        density: kept fraction of all weights, in (0, 1].

    Source: Vysogorets and Kempe, Connectivity matters, JMLR 2023, arXiv 2107.02306 (ideal gas quotas).
    Differs from the paper: at least one weight in each layer.
    """
    sizes = [shape.numel() for shape in shapes.values()]

    def counts(force: float) -> list[float]:
        return [max(size / (force * size + 1), 1.0) for size in sizes]

    force = crossing(lambda x: sum(counts(x)), density * sum(sizes), 0.0, 1.0)  # at force 1 no layer has above 1
    return dict(zip(shapes, counts(force), strict=True))
