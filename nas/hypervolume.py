"""Dominated hypervolume: the one number for a front of several objectives. Used by screen.py and reports."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


CHUNK = 128
"""Points of three and more objectives that are compared all with all at a time."""


def nondominated(points: Array) -> Array:
    """Return the points (n, d), all objectives maximised, that no other point dominates; duplicates once."""
    unique = np.unique(points, axis=0)
    return np.asarray(unique[on_front(unique)])


def on_front(points: Array) -> NDArray[np.bool_]:
    """Return which of the points (n, d), all objectives maximised, no other point dominates; equal ones share it.

    Cost: a sort for two objectives; for more n CHUNK comparisons, and the square of what survives its chunk.

    Source: Kung, Luccio, Preparata 1975, Journal of the ACM 22(4), for the sweep over sorted points.
    """
    if points.shape[1] == 2:
        return _swept(points)
    left = np.arange(len(points))
    if len(points) > CHUNK:
        parts = np.array_split(left, -(-len(points) // CHUNK))
        left = np.concatenate([part[_undominated(points[part])] for part in parts])
    mask = np.zeros(len(points), dtype=np.bool_)
    mask[left[_undominated(points[left])]] = True
    return mask


def _swept(points: Array) -> NDArray[np.bool_]:
    order = np.lexsort((-points[:, 1], -points[:, 0]))
    ordered = points[order]
    new = np.ones(len(points), dtype=np.bool_)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    before = np.full(len(points), -np.inf)  # the best second objective among points at least as good in the first
    before[1:] = np.maximum.accumulate(ordered[:-1, 1])
    first = (ordered[:, 1] > before)[new]
    mask = np.empty(len(points), dtype=np.bool_)
    mask[order] = first[np.cumsum(new) - 1]
    return mask


def _undominated(points: Array) -> NDArray[np.bool_]:
    at_least = np.all(points[:, None, :] >= points[None, :, :], axis=2)
    dominates: NDArray[np.bool_] = at_least & ~at_least.T
    return np.asarray(~dominates.any(axis=0))


def hypervolume(points: Array, reference: Array) -> float:
    """Return the volume dominated by points (n, d) above `reference` (d,), all objectives maximised.

    Exclusive contributions are summed by recursion; 2 or 3 objectives with fronts of up to some hundred points.

    Source: While, Bradstreet, Barone 2012, "A fast way of calculating exact hypervolumes", Algorithm 1 (WFG).
    """
    above = points[(points > reference).all(axis=1)] - reference
    return _volume(nondominated(above)) if len(above) else 0.0


def hypervolumes(points: Array, reference: Array) -> Array:
    """Return the volumes that the first point, the first two, and so on to all of `points` (n, d) dominate, (n,)."""
    front: Array = np.empty((0, points.shape[1]))
    volumes = []
    for point in points:
        front = nondominated(np.vstack([front, point]))
        volumes.append(hypervolume(front, reference))
    return np.array(volumes)


def improvement(point: Array, front: Array, reference: Array) -> float:
    """Return by how much one more point (d,) would raise the hypervolume of `front` (n, d)."""
    if not (point > reference).all():
        return 0.0
    limited = np.minimum(front, point)  # what of the point's own box is dominated already
    return float(np.prod(point - reference)) - hypervolume(limited, reference)


def _volume(front: Array) -> float:
    """Volume above the origin of mutually nondominated points."""
    if len(front) == 0:
        return 0.0
    if front.shape[1] == 1:
        return float(front.max())
    if front.shape[1] == 2:
        ordered = front[np.argsort(-front[:, 0])]  # the first objective falls, the second rises
        steps = np.diff(ordered[:, 1], prepend=0.0)
        return float((ordered[:, 0] * steps).sum())
    ordered = front[np.argsort(-front[:, -1])]
    total = 0.0
    for i, point in enumerate(ordered):
        limited = np.minimum(ordered[i + 1 :], point)
        total += float(np.prod(point)) - (_volume(nondominated(limited)) if len(limited) else 0.0)
    return total
