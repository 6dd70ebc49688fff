"""The finalists' round: who enters it, who wins it, and what a dead worker or a failure costs."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import pytest

from nas.executors import Job
from nas.finalists import shortlist, train_finalists, winner
from nas.outcomes import Failure, Outcome
from nas.records import Record

OUTCOME = Outcome(val_accuracy=0.5, curve=(), epochs=2, seconds=1.0, kept=10, total=100, multiply_adds=1)
DIED = Failure("worker_died", "gone")


def finished(number: int, accuracy: float, kept: int = 10) -> Record:
    return Record(number, (), str(number), "finished", replace(OUTCOME, val_accuracy=accuracy, kept=kept))


class Scripted:
    """An executor of two slots whose results are written down beforehand: number -> results in turn."""

    slots = 2

    def __init__(self, script: dict[int, list[Outcome | Failure]]) -> None:
        self.script, self.inbox, self.most = script, deque[Job](), 0

    def submit(self, job: Job) -> None:
        self.inbox.append(job)
        self.most = max(self.most, len(self.inbox))

    def wait(self) -> list[tuple[Job, Outcome | Failure]]:
        job = self.inbox.popleft()
        return [(job, self.script[job.identity].pop(0))]

    def close(self) -> None: ...


def test_shortlist_is_by_accuracy_then_sparsity_then_age() -> None:
    history = [finished(0, 0.9, 50), finished(1, 0.9, 20), finished(2, 0.9, 20), finished(4, 0.95, 90)]
    history.insert(0, Record(3, (), "3", "failed", Failure("time_limit", "slow")))
    assert [record.number for record in shortlist(history, 3)] == [4, 1, 2]
    assert shortlist([history[0]], 3) == []


def test_winner_is_the_best_finalist_and_without_any_the_best_trial() -> None:
    history = [finished(0, 0.7), finished(1, 0.6), finished(2, 0.5), finished(3, 0.4)]
    longer: dict[int, Outcome | Failure] = {
        0: replace(OUTCOME, val_accuracy=0.75),
        1: replace(OUTCOME, val_accuracy=0.8),
        2: DIED,
    }
    chosen = [winner(history, longer), winner(history, {2: DIED}), winner(history, {})]
    assert [record.number if record else None for record in chosen] == [1, 0, 0]
    assert winner([], {}) is None


def test_a_dead_worker_costs_one_more_training_and_two_a_finalist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.finalists.from_json", lambda data, where: None)  # candidates are not looked at here
    executor = Scripted({0: [DIED, OUTCOME], 1: [OUTCOME], 2: [DIED, DIED], 3: [Failure("out_of_memory", "full")]})
    results: dict[int, Outcome | Failure] = {}
    train_finalists(executor, [finished(n, 0.5) for n in range(4)], results.__setitem__)
    assert results == {0: OUTCOME, 1: OUTCOME, 2: DIED, 3: Failure("out_of_memory", "full")}
    assert executor.most == 2
