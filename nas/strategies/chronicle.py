"""A history that keeps what strategies ask of it, so that the ten-thousandth proposal costs what the hundredth did.

It is a sequence of observations like any other, and strategies propose from it what they would from a plain list: only
the passes over all of it are saved.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence, Set
from typing import Generic, TypeVar, overload

import numpy as np

from nas.fronts import Fronts, Point
from nas.hypervolume import on_front
from nas.strategies.strategy import Observation, is_parent

O = TypeVar("O", bound=Observation)  # noqa: E741 - the customary letter


class _Ordered(Sequence[O], Generic[O]):
    """Observations in the order of their keys, in whatever order they come."""

    def __init__(self) -> None:
        self._keys: list[int] = []
        self._observations: list[O] = []

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, index: int) -> O: ...
    @overload
    def __getitem__(self, index: slice) -> list[O]: ...
    def __getitem__(self, index: int | slice) -> O | list[O]:
        return self._observations[index]

    def __iter__(self) -> Iterator[O]:
        return iter(self._observations)

    def _find(self, key: int) -> tuple[int, bool]:
        """Return the position of a key, and whether it is there."""
        place = bisect_left(self._keys, key, lo=len(self) if self._keys and key > self._keys[-1] else 0)
        return place, place < len(self) and self._keys[place] == key

    def _set(self, key: int, observation: O) -> O | None:
        """Put an observation under its key and return the one that was there."""
        place, there = self._find(key)
        if there:
            before, self._observations[place] = self._observations[place], observation
            return before
        self._keys.insert(place, key)
        self._observations.insert(place, observation)
        return None


class Ranked(_Ordered[O]):
    """The finished observations with finite values, and their non-dominated fronts.

    Attributes:
        arrivals: the observations in the order in which they came; one that came again stands there again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.arrivals: list[O] = []
        self._fronts = Fronts()

    def put(self, key: int, observation: O) -> None:
        """Take in an observation, in place of what was under its key."""
        self.arrivals.append(observation)
        before = self._set(key, observation)
        if before is not None:
            self._fronts.remove(key)
        self._fronts.add(key, _maximised(observation))

    def leading(self, size: int, first: int | None = None) -> list[O]:
        """Return, in order, those in the first whole fronts that hold at least `size`.

        Args:
            size: wanted; all of them if there are no more.
            first: only so many are looked at, from the start; None for all.
        """
        end = len(self) if first is None else min(first, len(self))
        if size >= end:
            return self._observations[:end]
        limit = self._keys[end] if end < len(self) else self._keys[-1] + 1
        found: list[int] = []
        spare, chosen = 0, None
        for number, front in enumerate(self._fronts, start=1):
            inside = [key for key in front if key < limit]
            spare += len(front) - len(inside)
            found += inside
            if len(found) >= size and (chosen := self._settled(found, size, number, spare)) is not None:
                break
        if chosen is None:  # every front was looked at: nothing is missing
            chosen = self._settled(found, size, len(found) + spare, spare) or found
        return [self._observations[self._find(key)[0]] for key in sorted(chosen)]

    def _settled(self, found: list[int], size: int, fronts: int, spare: int) -> list[int] | None:
        """Return the keys in the first fronts of those found that hold `size`; None if more must be found first.

        Leaving out an observation lifts others by one front at most. So of those found in the first `fronts` without
        `spare` that are not looked at, the first `fronts - spare` fronts are fronts of all that are.
        """
        if spare == 0:
            return found
        left, chosen = sorted(found), list[int]()
        for _ in range(max(fronts - spare, 0)):
            front = on_front(np.array([_maximised(self._observations[self._find(key)[0]]) for key in left]))
            chosen += [key for key, there in zip(left, front, strict=True) if there]
            left = [key for key, there in zip(left, front, strict=True) if not there]
            if len(chosen) >= size:
                return chosen
        return None


class Chronicle(_Ordered[O]):
    """All observations by key, with the digests there are and the parents among them.

    An observation may be put again: its state changes, or a better one speaks for its candidate.
    """

    def __init__(self) -> None:
        super().__init__()
        self.parents: Ranked[O] = Ranked()
        self._digests: set[str] = set()

    @property
    def digests(self) -> Set[str]:
        """The digests of all observations."""
        return self._digests

    def put(self, key: int, observation: O) -> None:
        """Take in an observation that is new or has changed."""
        self._set(key, observation)
        self._digests.add(observation.digest)
        if is_parent(observation):
            self.parents.put(key, observation)


def parents(history: Sequence[O]) -> Sequence[O]:
    """Return the records that may steer a search: finished, with finite values."""
    if isinstance(history, Chronicle):
        return history.parents
    return [record for record in history if is_parent(record)]


def digests(history: Sequence[Observation]) -> Set[str]:
    """Return the digests of all records."""
    return history.digests if isinstance(history, Chronicle) else {record.digest for record in history}


def _maximised(observation: Observation) -> Point:
    accuracy, *costs = observation.values or ()
    return (accuracy, *(-cost for cost in costs))
