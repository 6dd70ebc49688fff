"""Fronts kept up to date, against fronts peeled off one after the other from all points."""

from __future__ import annotations

import numpy as np
import pytest

from nas.fronts import Fronts
from nas.hypervolume import on_front


def peeled(points: dict[int, tuple[float, ...]]) -> list[set[int]]:
    keys = np.array(list(points))
    values = np.array(list(points.values()))
    found = []
    while len(keys):
        front = on_front(values)
        found.append(set(keys[front].tolist()))
        keys, values = keys[~front], values[~front]
    return found


def check(kept: Fronts, points: dict[int, tuple[float, ...]]) -> None:
    assert [set(front) for front in kept] == peeled(points)
    for front in kept:
        accuracies = [points[key][0] for key in front]
        assert accuracies == sorted(accuracies, reverse=True)


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
@pytest.mark.parametrize("values", [3, 12, 10**6])
@pytest.mark.parametrize("seed", range(4))
def test_points_that_come_and_go(objectives: int, values: int, seed: int) -> None:
    """Few values make ties and equal points, many none."""
    rng = np.random.default_rng(seed)
    kept, points = Fronts(), dict[int, tuple[float, ...]]()
    for step in range(150):
        if points and rng.random() < 0.3:
            gone = int(rng.choice(list(points)))
            kept.remove(gone)
            del points[gone]
        else:
            points[step] = tuple(float(value) for value in rng.integers(values, size=objectives))
            kept.add(step, points[step])
        if rng.random() < 0.7:  # or several are sorted in at once
            check(kept, points)
    for key in rng.permutation(list(points)).tolist():
        kept.remove(key)
        del points[key]
        check(kept, points)
    assert list(kept) == []


def test_a_chain_a_line_and_their_middle_by_hand() -> None:
    kept = Fronts()
    for key, point in enumerate([(1.0, 1.0), (2.0, 2.0), (3.0, 3.0), (0.0, 4.0), (2.0, 2.0)]):
        kept.add(key, point)
    assert [set(front) for front in kept] == [{2, 3}, {1, 4}, {0}]
    kept.remove(2)
    assert [set(front) for front in kept] == [{1, 3, 4}, {0}]
