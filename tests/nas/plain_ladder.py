"""A ladder's decisions the plain way: every rung ranked anew from all records. The kept ranking is held against it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.fronts import crowding
from nas.hypervolume import on_front
from nas.records import History, Record
from nas.strategies.chronicle import parents
from nas.strategies.strategy import scaled


def promotion(history: History, rungs: int, eta: int) -> Record | None:
    for rung in reversed(range(rungs - 1)):
        finished = _finished(history, rung)
        promoted = {record.digest for record in history if record.rung == rung + 1}
        for record in _top(finished, len(finished) // eta):
            if record.digest not in promoted:
                return record
    return None


def climbers(history: History, rungs: int, eta: int, trials: int) -> set[str]:
    wanted = {record.digest for record in history if record.state == "running"}
    for rung in range(rungs - 1):
        finished = _finished(history, rung)
        promoted = {record.digest for record in history if record.rung == rung + 1}
        places = max(len(finished), trials // eta**rung) // eta
        wanted |= {record.digest for record in _top(finished, places)} - promoted
    return wanted


def _top(finished: list[Record], count: int) -> list[Record]:
    accuracies = sorted(record.values[0] for record in finished if record.values)
    median = accuracies[len(accuracies) // 2] if accuracies else 0.0
    upper = [record for record in finished if record.values and record.values[0] >= median]
    return best(upper, count)


def _finished(history: History, rung: int) -> list[Record]:
    return [record for record in history if record.rung == rung and record.state == "finished"]


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
        chosen = np.concatenate([chosen, front[np.argsort(-crowding(points[front]), kind="stable")]])
        left = left[~mask]
    return chosen
