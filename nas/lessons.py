"""What finished trials teach the screen, kept as they come, so that a long history costs what is new in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nas.hypervolume import nondominated
from nas.objectives import OBJECTIVES
from nas.outcomes import Outcome
from nas.records import History, Record
from nas.strategies.chronicle import Chronicle, parents
from predictors.table import matrix

Floats = NDArray[np.float64]


class Growing:
    """An array (n, columns) to which rows are added; room is doubled, so that this costs what is added."""

    def __init__(self, columns: int) -> None:
        self._room: Floats = np.empty((16, columns))
        self._count = 0

    @property
    def rows(self) -> Floats:
        """The rows there are: a view, which stays as it is when others are added."""
        return self._room[: self._count]

    def add(self, rows: Floats) -> None:
        """Put rows (k, columns) at the end."""
        wanted = self._count + len(rows)
        while wanted > len(self._room):
            self._room = np.concatenate([self._room, np.empty_like(self._room)])
        self._room[self._count : wanted] = rows
        self._count = wanted


class Lessons:
    """The finished records of a history, as arrays in the order in which they finished.

    In that order a guide's data only grow: a result that arrives late changes nothing that was learnt before it. A
    study that is read anew is learnt in the order of its numbers.

    Args:
        objectives: the study's.
        row: what a guide is told of a record.
        scaled: objective values (n, d) -> points (n, d) on the scales on which progress counts, all maximised.

    Attributes:
        names: of the columns of `x`.
        front: the measured front (m, d) of `points`.
    """

    def __init__(
        self,
        objectives: Sequence[str],
        row: Callable[[Record], Mapping[str, float]],
        scaled: Callable[[Floats], Floats],
    ) -> None:
        self._errors = tuple(name for name in objectives if OBJECTIVES[name].kind == "error")
        self._row = row
        self._scaled = scaled
        self._read = 0
        self._x = Growing(0)
        self._fractions = Growing(1 + len(self._errors))
        self._points = Growing(len(objectives))
        self.names: tuple[str, ...] = ()
        self.front: Floats = self._points.rows

    def __len__(self) -> int:
        return len(self.points)

    def learn(self, arrivals: Sequence[Record]) -> None:
        """Take in the finished records that were added to `arrivals` since the last time."""
        new = [record for record in arrivals[self._read :] if record.features]
        self._read = len(arrivals)
        if not new:
            return
        told = [self._row(record) for record in new]
        if not self.names:
            self.names = tuple(told[0])
            self._x = Growing(len(self.names))
        points = self._scaled(np.array([record.values for record in new]))
        self._x.add(matrix(told, self.names))
        self._fractions.add(np.array([self._learned(record) for record in new]))
        self._points.add(points)
        self.front = nondominated(np.concatenate([self.front, points]))

    def _learned(self, record: Record) -> list[float]:
        outcome = record.outcome
        assert isinstance(outcome, Outcome)
        return [outcome.val_accuracy, *(1.0 - OBJECTIVES[name].of(outcome) for name in self._errors)]

    @property
    def x(self) -> Floats:
        """Features (n, columns)."""
        return self._x.rows

    @property
    def fractions(self) -> Floats:
        """What guides learn (n, beliefs): validation accuracy, then 1 - error for each error, in [0, 1]."""
        return self._fractions.rows

    @property
    def points(self) -> Floats:
        """Objectives (n, d) on the scales on which progress counts."""
        return self._points.rows


class Teacher:
    """Keeps the lessons of each history it is asked about, of those that grow in place (`Chronicle`).

    Args:
        make: lessons that have learnt nothing yet.
    """

    def __init__(self, make: Callable[[], Lessons]) -> None:
        self._make = make
        self._kept: dict[int, tuple[Chronicle[Record], Lessons]] = {}

    def lessons(self, history: History) -> Lessons:
        """Return what the finished records of a history teach; of a plain list all is learnt anew."""
        if not isinstance(history, Chronicle):
            fresh = self._make()
            fresh.learn(parents(history))
            return fresh
        if id(history) not in self._kept:  # held with its lessons, so that the number stays its own
            self._kept[id(history)] = (history, self._make())
        found = self._kept[id(history)][1]
        found.learn(history.parents.arrivals)
        return found
