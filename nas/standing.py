"""Who goes on and whose checkpoint is wanted, kept up to date record by record.

What it says is a function of the records it was told, in whatever order; telling it one more costs the logarithm of
their number, or with several objectives of the number of fronts.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from nas.fronts import Fronts, Point, crowding
from nas.records import Record
from nas.strategies.strategy import is_parent, scaled


class Standing:
    """The rungs of a ladder and who stands on them.

    Args:
        rungs: how many there are.
        eta: one in so many of a rung goes on.
    """

    def __init__(self, rungs: int, eta: int) -> None:
        self._eta = eta
        self._rungs = [_Rung() for _ in range(rungs)]
        self._running: dict[int, str] = {}

    def tell(self, record: Record) -> None:
        """Take note of a record that is new or has changed."""
        if record.state == "running":
            self._running[record.number] = record.digest
        else:
            self._running.pop(record.number, None)
        if record.rung > 0:
            self._rungs[record.rung - 1].promote(record.digest)
        if record.state == "finished":
            self._rungs[record.rung].finish(record)

    def promotion(self) -> Record | None:
        """Return the finished record whose candidate goes one rung higher now, the highest rungs first, or None."""
        for rung in reversed(self._rungs[:-1]):
            if (record := rung.first(len(rung.finished) // self._eta)) is not None:
                return record
        return None

    def climbers(self, trials: int) -> set[str]:
        """Return the digests of the candidates whose checkpoint may still be wanted by a search of `trials` trials.

        Those that run, and those still waiting that would be promoted if no better one came: at most about
        trials / eta + trials / eta**2 + ... So many checkpoints lie on disk at most.
        """
        wanted = set(self._running.values())
        for number, rung in enumerate(self._rungs[:-1]):
            places = max(len(rung.finished), trials // self._eta**number) // self._eta
            wanted.update(rung.waiting(places))
        return wanted


class _Ranking(Protocol):
    """The finished records of a rung, best first, and which of them wait; of equal ones the older comes first."""

    def add(self, record: Record) -> None:
        """Take in a record, which does not wait until `wait` says so."""

    def wait(self, record: Record) -> None:
        """Let a record wait."""

    def go(self, record: Record) -> None:
        """Let it wait no longer."""

    def first(self, count: int, median: float) -> int | None:
        """Return the best that waits of the best `count` at or above the median accuracy."""

    def waiting(self, count: int, median: float) -> Iterable[int]:
        """Return all that wait of the best `count` at or above the median accuracy."""


class _Rung:
    """The finished records of one rung, and who of them has gone on."""

    def __init__(self) -> None:
        self.finished: dict[int, Record] = {}
        self._promoted: set[str] = set()
        self._by_digest: defaultdict[str, list[Record]] = defaultdict(list)
        self._accuracies: list[float] = []
        self._ranking: _Ranking | None = None

    def finish(self, record: Record) -> None:
        """Take in a finished record."""
        if record.number in self.finished or not record.values:
            self.finished[record.number] = record
            return
        self.finished[record.number] = record
        insort(self._accuracies, record.values[0])
        if is_parent(record):
            self._ranking = self._ranking or (_Line() if len(record.values) == 1 else _Space())
            self._ranking.add(record)
            self._by_digest[record.digest].append(record)
            if record.digest not in self._promoted:
                self._ranking.wait(record)

    def promote(self, digest: str) -> None:
        """Take note that a candidate has gone on, whatever came of it."""
        if digest in self._promoted:
            return
        self._promoted.add(digest)
        for record in self._by_digest.get(digest, ()):
            assert self._ranking is not None
            self._ranking.go(record)

    def first(self, count: int) -> Record | None:
        """Return the best of the best `count` that has not gone on; nothing below the median accuracy."""
        number = self._ranking.first(count, self._median()) if self._ranking and count > 0 else None
        return None if number is None else self.finished[number]

    def waiting(self, count: int) -> list[str]:
        """Return the digests of the best `count` that have not gone on; nothing below the median accuracy."""
        numbers = self._ranking.waiting(count, self._median()) if self._ranking and count > 0 else ()
        return [self.finished[number].digest for number in numbers]

    def _median(self) -> float:
        return self._accuracies[len(self._accuracies) // 2]


class _Line:
    """One objective: a sorted list of all records, and one of those that wait."""

    def __init__(self) -> None:
        self._all: list[tuple[float, int]] = []
        self._waiting: list[tuple[float, int]] = []

    def add(self, record: Record) -> None:
        insort(self._all, _place(record))

    def wait(self, record: Record) -> None:
        insort(self._waiting, _place(record))

    def go(self, record: Record) -> None:
        del self._waiting[bisect_left(self._waiting, _place(record))]

    def first(self, count: int, median: float) -> int | None:
        best = self._waiting[0] if self._waiting else None
        return best[1] if best and best <= self._last(count, median) else None

    def waiting(self, count: int, median: float) -> Iterable[int]:
        end = bisect_right(self._waiting, self._last(count, median))
        return (number for _, number in self._waiting[:end])

    def _last(self, count: int, median: float) -> tuple[float, int]:
        return min(self._all[min(count, len(self._all)) - 1], (-median, sys.maxsize))


class _Space:
    """Several objectives: the fronts of all records, each ordered by crowding when somebody in it waits."""

    def __init__(self) -> None:
        self._fronts = Fronts()
        self._points: dict[int, Point] = {}
        self._waiting: set[int] = set()

    def add(self, record: Record) -> None:
        accuracy, *costs = scaled(record.values or ())
        self._points[record.number] = (accuracy, *(-cost for cost in costs))
        self._fronts.add(record.number, self._points[record.number])

    def wait(self, record: Record) -> None:
        self._waiting.add(record.number)

    def go(self, record: Record) -> None:
        self._waiting.remove(record.number)

    def first(self, count: int, median: float) -> int | None:
        for upper, places in self._upper(count, median):
            if not self._waiting.isdisjoint(upper):
                return next((number for number in self._ordered(upper)[:places] if number in self._waiting), None)
        return None

    def waiting(self, count: int, median: float) -> Iterable[int]:
        whole: set[int] = set()
        for upper, places in self._upper(count, median):
            whole.update(upper if places >= len(upper) else self._ordered(upper)[:places])
        return whole & self._waiting

    def _upper(self, count: int, median: float) -> Iterator[tuple[list[int], int]]:
        """Give the part of each front at or above the median, and how many of the best `count` are left for it.

        What lies below the median dominates nothing above it, so these parts are the fronts of what lies above.
        """
        for front in self._fronts:
            upper = front[: bisect_right(front, -median, key=lambda number: -self._points[number][0])]
            if not upper or count <= 0:
                return
            yield upper, count
            count -= len(upper)

    def _ordered(self, front: list[int]) -> list[int]:
        """Return a front's records, the least crowded first, of equally crowded ones the older."""
        numbers = sorted(front)
        points = np.array([self._points[number] for number in numbers])
        return [numbers[index] for index in np.argsort(-crowding(points), kind="stable")]


def _place(record: Record) -> tuple[float, int]:
    return -(record.values or (0.0,))[0], record.number
