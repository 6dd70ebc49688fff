"""Farthest-point choice: proposals unlike anything known, for records that a guide is to learn from."""

from __future__ import annotations

import numpy as np

from nas.guidance.guide import Floats


def farthest(candidates: Floats, known: Floats, count: int) -> list[int]:
    """Return `count` rows of `candidates` (m, columns), each the farthest from `known` (n, columns) and those before.

    Columns are scaled by the candidates' deviations; a column that does not vary does not count. Without known rows
    the first is the one nearest to the centre. Cost: count m columns multiply-adds.

    Source: Gonzalez 1985, Theoretical Computer Science 38, section 3.
    """
    spread = candidates.std(axis=0)
    weights = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-12)
    points, others = candidates * weights, known * weights
    if len(others):
        nearest = np.min([((points - other) ** 2).sum(axis=1) for other in others], axis=0)
    else:
        nearest = -((points - points.mean(axis=0)) ** 2).sum(axis=1)
    chosen: list[int] = []
    for _ in range(min(count, len(points))):
        pick = int(np.argmax(nearest))
        chosen.append(pick)
        distances = ((points - points[pick]) ** 2).sum(axis=1)
        nearest = distances if not len(others) and len(chosen) == 1 else np.minimum(nearest, distances)
        nearest[chosen] = -np.inf
    return chosen
