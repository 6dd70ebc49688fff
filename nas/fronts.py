"""Non-dominated fronts of points that come and go one by one, without sorting all of them again.

A front's number is the length of the longest chain of points that dominate each other and end in it. So a new point
pushes only points that it dominates, by one front, those push points that they dominate, and so on; one that goes lets
them up again.

Source: Yakupov, Buzdalov 2015, "Incremental non-dominated sorting with O(N) insertion for the two-dimensional case",
    IEEE CEC, for two objectives; Li, Deb, Zhang, Zhang 2017, IEEE TEVC 21(2) (ENLU), for more.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Point: TypeAlias = tuple[float, ...]


def crowding(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each point's (n, d) distance between its neighbours, summed over the axes; the ends are infinite.

    Source: Deb et al. 2002, IEEE TEC 6(2), section III.B.
    """
    distance = np.zeros(len(points))
    for axis in points.T:
        order = np.argsort(axis, kind="stable")
        extent = np.ptp(axis) or 1.0
        distance[order[1:-1]] += (axis[order[2:]] - axis[order[:-2]]) / extent
        distance[order[[0, -1]]] = np.inf
    return distance


class Fronts:
    """The fronts of the points there are, all objectives maximised; equal points share a front.

    Points are sorted in when the fronts are asked for: many at once go in best first, so that none pushes another.
    """

    def __init__(self) -> None:
        self._new: dict[int, Point] = {}
        self._sorted: PlaneFronts | SpaceFronts | None = None

    def add(self, key: int, point: Point) -> None:
        """Take in a point under a key that no other point has."""
        self._new[key] = point

    def remove(self, key: int) -> None:
        """Forget the point of a key."""
        if self._new.pop(key, None) is None and self._sorted is not None:
            self._sorted.remove(key)

    def __iter__(self) -> Iterator[list[int]]:
        """Give the keys of each front, the undominated one first; within a front the first objective falls."""
        for key, point in sorted(self._new.items(), key=lambda item: item[1], reverse=True):
            if self._sorted is None:
                self._sorted = PlaneFronts() if len(point) <= 2 else SpaceFronts()
            self._sorted.add(key, point)
        self._new.clear()
        return iter(self._sorted if self._sorted is not None else ())


class _Stretch:
    """Points of which none dominates another, in the plane: the first objective falls, the second rises."""

    __slots__ = ("keys", "left", "up")

    def __init__(self, left: list[float], up: list[float], keys: list[int]) -> None:
        self.left = left  # minus the first objective
        self.up = up
        self.keys = keys

    def dominates(self, left: float, up: float) -> bool:
        """Return whether one of the points dominates this one: of those as far to the left, the last is highest."""
        last = bisect_right(self.left, left) - 1
        return last >= 0 and self.up[last] >= up and (self.left[last], self.up[last]) != (left, up)

    def place(self, left: float, up: float) -> tuple[int, bool]:
        """Return where a point that none dominates stands or would stand, and whether its equal is there."""
        index = bisect_left(self.left, left)
        return index, index < len(self.keys) and (self.left[index], self.up[index]) == (left, up)

    def swap(self, start: int, end: int, new: _Stretch) -> _Stretch:
        """Put the points of `new` in the place of some of these, which are returned."""
        old = _Stretch(self.left[start:end], self.up[start:end], self.keys[start:end])
        self.left[start:end], self.up[start:end], self.keys[start:end] = new.left, new.up, new.keys
        return old


class PlaneFronts:
    """Fronts of one or two objectives: what a point moves is one stretch of each front, found by bisection."""

    def __init__(self) -> None:
        self._fronts: list[_Stretch] = []
        self._points: dict[int, tuple[float, float]] = {}

    def __iter__(self) -> Iterator[list[int]]:
        """Give the keys of each front."""
        return (front.keys for front in self._fronts)

    def add(self, key: int, point: Point) -> None:
        """Take in a point; the stretch that it dominates goes down a front, and so on."""
        left, up = self._points[key] = -point[0], point[1] if len(point) > 1 else 0.0
        moving, index = _Stretch([left], [up], [key]), self._home(left, up)
        if index < len(self._fronts):
            place, has_equal = self._fronts[index].place(left, up)
            if has_equal:
                self._fronts[index].swap(place, place, moving)
                return
        while moving.keys:
            front = self._fronts[index] if index < len(self._fronts) else None
            start = bisect_left(front.left, moving.left[0]) if front else 0
            end = bisect_right(front.up, moving.up[-1]) if front else 0
            if front is None or (start, end) == (0, len(front.keys)):  # all of it goes down, and all fronts below it
                self._fronts.insert(index, moving)
                return
            moving, index = front.swap(start, end, moving), index + 1

    def remove(self, key: int) -> None:
        """Forget a point; the stretch that only it dominated comes up a front, and so on."""
        left, up = self._points.pop(key)
        index = self._home(left, up)
        front = self._fronts[index]
        place = front.keys.index(key, front.place(left, up)[0])
        front.swap(place, place + 1, _Stretch([], [], []))
        while front.keys and index + 1 < len(self._fronts):
            below = self._fronts[index + 1]
            start = bisect_right(below.up, front.up[place - 1]) if place > 0 else 0
            end = bisect_left(below.left, front.left[place]) if place < len(front.keys) else len(below.keys)
            if start >= end:
                return
            front.swap(place, place, below.swap(start, end, _Stretch([], [], [])))
            front, place, index = below, start, index + 1
        if not front.keys:  # the last stretch of it came up, or it was alone: the fronts below are whole
            del self._fronts[index]

    def _home(self, left: float, up: float) -> int:
        """Return the first front in which nothing dominates the point: all before it hold something that does."""
        return bisect_left(self._fronts, True, key=lambda front: not front.dominates(left, up))


class SpaceFronts:
    """Fronts of three objectives and more: each is compared with what comes into it, point by point."""

    def __init__(self) -> None:
        self._fronts: list[list[int]] = []
        self._points: dict[int, Point] = {}

    def __iter__(self) -> Iterator[list[int]]:
        """Give the keys of each front."""
        return iter(self._fronts)

    def add(self, key: int, point: Point) -> None:
        """Take in a point; those that it dominates go down a front, and so on."""
        self._points[key] = point
        index = bisect_left(self._fronts, True, key=lambda front: not self._dominated([key], front).any())
        moving = [key]
        while moving:
            if index == len(self._fronts):
                self._fronts.append([])
            below = self._dominated(self._fronts[index], moving)
            stay, moved = _split(self._fronts[index], below)
            self._fronts[index], moving, index = self._sorted([*stay, *moving]), moved, index + 1

    def remove(self, key: int) -> None:
        """Forget a point; those that only it dominated come up a front, and so on."""
        index = next(index for index, front in enumerate(self._fronts) if key in front)
        self._fronts[index].remove(key)
        del self._points[key]
        while index + 1 < len(self._fronts):
            held = self._dominated(self._fronts[index + 1], self._fronts[index])
            rising, stay = _split(self._fronts[index + 1], held)
            if not rising:
                break
            self._fronts[index] = self._sorted([*self._fronts[index], *rising])
            self._fronts[index + 1], index = stay, index + 1
        if not self._fronts[index]:
            del self._fronts[index]

    def _dominated(self, keys: Sequence[int], by: Sequence[int]) -> NDArray[np.bool_]:
        """Return which of the points some point of another set dominates."""
        if not keys or not by:
            return np.zeros(len(keys), dtype=np.bool_)
        points, others = (np.array([self._points[key] for key in of]) for of in (keys, by))
        at_least = np.all(others[None] >= points[:, None], axis=2)
        above: NDArray[np.bool_] = at_least & np.any(others[None] > points[:, None], axis=2)
        return np.asarray(np.any(above, axis=1))

    def _sorted(self, keys: list[int]) -> list[int]:
        return sorted(keys, key=lambda key: -self._points[key][0])


def _split(keys: Sequence[int], mask: NDArray[np.bool_]) -> tuple[list[int], list[int]]:
    """Return the keys where the mask is False, and where it is True."""
    return [k for k, m in zip(keys, mask, strict=True) if not m], [k for k, m in zip(keys, mask, strict=True) if m]
