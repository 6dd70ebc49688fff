"""Reading records of several rungs: which of a candidate's records speaks for it, and which compare with each other.

A candidate that was promoted has a record for each rung, of more epochs each time. Without promotions every record is
of rung 0, and all of this returns what it was given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.hypervolume import on_front
from nas.records import History, Record
from nas.strategies.strategy import parents, scaled


def furthest(history: History) -> list[Record]:
    """Return one record for each candidate, its finished one of the most epochs, in the order of first proposals.

    A candidate without a finished record is there with its only one, running or failed.
    """
    found: dict[str, Record] = {}
    for record in history:
        if record.digest not in found or record.state == "finished":
            found[record.digest] = record
    return list(found.values())


def level(history: History, minimum: int) -> list[Record]:
    """Return the records of the highest rung on which at least `minimum` have finished (else the lowest rung's).

    Their accuracies come from equal numbers of epochs, so a model can learn from them.
    """
    counts = Counter(record.rung for record in history if record.state == "finished")
    rung = max((rung for rung, count in counts.items() if count >= minimum), default=0)
    return [record for record in history if record.rung == rung]


def best(records: Sequence[Record], count: int) -> list[Record]:
    """Return the `count` best of some finished records, best first.

    By accuracy; with costs, whole non-dominated fronts first, and within a front the least crowded first. Of equal ones
    the older comes first.

    Source: Deb et al. 2002, IEEE TEC 6(2), section III; for successive halving with several objectives Schmucker et
        al. 2021, arXiv:2106.12639, section 3.
    """
    usable = parents(records)
    if not usable or count < 1:
        return []
    points = np.array([scaled(record.values or ()) for record in usable])
    points[:, 1:] *= -1.0
    order = np.argsort(-points[:, 0], kind="stable") if points.shape[1] == 1 else _by_fronts(points, count)
    return [usable[index] for index in order[:count]]


def _by_fronts(points: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    left, chosen = np.arange(len(points)), np.empty(0, dtype=np.int64)
    while len(left) and len(chosen) < count:
        mask = on_front(points[left])
        front = left[mask]
        chosen = np.concatenate([chosen, front[np.argsort(-_crowding(points[front]), kind="stable")]])
        left = left[~mask]
    return chosen


def _crowding(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each point's (n, d) distance between its neighbours, summed over the axes; the ends are infinite."""
    distance = np.zeros(len(points))
    for axis in points.T:
        order = np.argsort(axis, kind="stable")
        extent = np.ptp(axis) or 1.0
        distance[order[1:-1]] += (axis[order[2:]] - axis[order[:-2]]) / extent
        distance[order[[0, -1]]] = np.inf
    return distance
