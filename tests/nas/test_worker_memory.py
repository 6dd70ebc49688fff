"""Memory of long searches: workers give freed memory back now and then, drivers hold what trials share once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nas.executors import Job, memory
from nas.outcomes import Failure, Outcome
from nas.records import Proposal, Records
from tests.nas.shared_study import opened, space


def job(number: int) -> Job:
    candidates = space()
    return Job(number, candidates.decode(candidates.random(np.random.default_rng(number))))


def test_a_worker_gives_back_once_in_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    now = [100.0]

    def trim(keep: int) -> int:
        given.append(keep)
        return 1

    monkeypatch.setattr(memory, "_trim", lambda: trim)
    monkeypatch.setattr("nas.executors.memory.time.monotonic", lambda: now[0])
    result = Failure("exception", "as it was")
    run = memory.tidied(lambda job: result)
    counts = []
    for moment in (100.0, 100.5, 100.9, 101.1, 101.2, 102.2):
        now[0] = moment
        assert run(job(0)) is result
        counts.append(len(given))
    assert counts == [1, 1, 1, 2, 2, 3]


def test_a_library_without_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_trim", lambda: None)
    memory.give_back()
    monkeypatch.undo()
    memory.give_back()


def proposal(seed: int) -> Proposal:
    candidates = space()
    genes = candidates.random(np.random.default_rng(seed))
    return Proposal(genes, candidates.digest(genes), candidates.decode(genes), features=features(seed))


def features(seed: int) -> dict[str, float]:
    return {f"group/name{number}": number / (7 + seed) for number in range(20)}


def stored(records: Records) -> list[dict[str, float]]:
    trials = records._storage.get_all_trials(records._study_id, deepcopy=False)
    return [trial.user_attrs["features"] for trial in trials]


def test_a_trials_features_are_held_once_and_names_once_for_all(tmp_path: Path) -> None:
    storage = str(tmp_path / "journal.log")
    records = opened(storage)
    for seed in range(3):
        number = records.open(proposal(seed)).number
        records.close(number, Outcome(0.5, (), 1, 0.0, kept=1, total=10, multiply_adds=1))
    for held, record in zip(stored(records), records.history, strict=True):
        assert held is record.features
    again = opened(storage)
    assert again.history == records.history
    first, *others = stored(again)
    assert first == features(0)
    for other in others:
        assert all(mine is name for mine, name in zip(first, other, strict=True))
