"""Reading records of several rungs: which of a candidate's records speaks for it, and which compare with each other.

A candidate that was promoted has a record for each rung, of more epochs each time. Without promotions every record is
of rung 0, and all of this returns what it was given.
"""

from __future__ import annotations

from collections import Counter

from nas.records import History, Record


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
