"""Reading records of several rungs: which of a candidate's records speaks for it, and which compare with each other.

A candidate that was promoted has a record for each rung, of more epochs each time. Without promotions every record is
of rung 0, and all of this returns what it was given.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from nas.records import History, Record
from nas.strategies.chronicle import Chronicle


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


class Rungs:
    """What `furthest` and `level` return, kept up to date record by record: records come in the order of proposals."""

    def __init__(self) -> None:
        self.furthest: Chronicle[Record] = Chronicle()
        self._keys: dict[str, int] = {}
        self._speaking: dict[str, Record] = {}
        self._levels: defaultdict[int, Chronicle[Record]] = defaultdict(Chronicle)
        self._finished: defaultdict[int, set[int]] = defaultdict(set)

    def tell(self, record: Record) -> None:
        """Take note of a record that is new or has changed."""
        self._levels[record.rung].put(record.number, record)
        if record.state == "finished":
            self._finished[record.rung].add(record.number)
        held = self._speaking.setdefault(record.digest, record)
        outdone = held.state != "finished" or held.number <= record.number
        if held.number == record.number or (record.state == "finished" and outdone):
            self._speaking[record.digest] = record
            self.furthest.put(self._keys.setdefault(record.digest, record.number), record)

    def level(self, minimum: int) -> Sequence[Record]:
        """Return the records of the highest rung on which at least `minimum` have finished (else the lowest rung's)."""
        return self._levels[max((rung for rung, found in self._finished.items() if len(found) >= minimum), default=0)]
