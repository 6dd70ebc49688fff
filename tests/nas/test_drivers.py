"""Several drivers of one study: all contribute, none takes a living one's trials, and no death stops another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas.errors import NasError
from nas.outcomes import Failure, Outcome
from nas.records import Proposal, Records, drivers, open_records, read_records
from nas.records.drivers import PREFIX
from tests.nas import shared_study
from tests.nas.shared_study import opened


def proposal(seed: int) -> Proposal:
    space = shared_study.space()
    genes = space.random(np.random.default_rng(seed))
    return Proposal(genes, space.digest(genes), space.decode(genes))


def outcome(accuracy: float) -> Outcome:
    return Outcome(accuracy, (), 1, 0.0, kept=1, total=10, multiply_adds=1)


@pytest.fixture
def storage(tmp_path: Path) -> str:
    return str(tmp_path / "journal.log")


def words(records: Records) -> dict[str, Any]:
    attributes = records._storage.get_study_system_attrs(records._study_id)
    return dict(attributes[PREFIX + records.drivers.me])


def test_a_living_drivers_trial_is_its_own_and_a_dead_ones_is_taken_over_once(storage: str) -> None:
    first, second, third = (opened(storage) for _ in range(3))
    with second.drivers.working(), third.drivers.working():
        with first.drivers.working():
            number = first.open(proposal(0)).number
            assert [record.number for record in second.refresh()] == [number]
            assert second.orphans() == [] and second.claim(number) is None
        second.refresh()
        third.refresh()
        assert [record.number for record in second.orphans()] == [number]
        taken = second.claim(number)
        assert taken is not None and (taken.driver, taken.attempts) == (second.drivers.me, 2)
        assert third.claim(number) is None, "it has a living driver again"
        assert third.refresh() == [] and third.running() == [taken]


def test_the_first_result_stays(storage: str) -> None:
    """A driver that was silent for long comes back and finishes a trial that was taken over and finished."""
    first, second = opened(storage), opened(storage)
    number = first.open(proposal(0)).number
    second.refresh()
    second._read_on()
    assert second.claim(number) is not None
    closed = second.close(number, outcome(0.75))
    assert first.close(number, outcome(0.5)) == closed
    assert first.close(number, Failure("exception", "late")) == closed
    assert first.retry(number) == closed
    assert first.count("finished") == 1 and first.count("running") == 0
    assert opened(storage).history == [closed]


def test_a_result_without_its_state_is_completed_by_who_takes_over(
    storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened(storage)
    number = first.open(proposal(0)).number
    with monkeypatch.context() as patch:
        patch.setattr(Records, "_set_state", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            first.close(number, outcome(0.5))
    second = opened(storage)
    found = second.claim(number)
    assert found is not None and (found.state, found.values) == ("finished", (0.5, 1.0))


def test_a_candidate_that_another_driver_opened_a_moment_before_is_seen(storage: str) -> None:
    first, second = opened(storage), opened(storage)
    one = first.open(proposal(0))
    twin, other = second.open(proposal(0)), second.open(proposal(1))
    assert second.earlier(twin) is None, "asked of the last one opened"
    third = opened(storage)
    first.open(proposal(2))
    twin = third.open(proposal(2))
    assert third.earlier(twin) is not None and third.count_before(twin) == 4
    assert (one.number, other.number, twin.number) == (0, 2, 4)


def test_silence_and_a_process_that_is_gone_are_the_end(storage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = opened(storage), opened(storage)
    name = PREFIX + first.drivers.me
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    with first.drivers.working():
        assert second.drivers.listen() and second.drivers.alive(first.drivers.me)
        said = words(first)
        first._storage.set_study_system_attr(first._study_id, name, {**said, "process": gone.pid})
        second.drivers.listen()
        assert not second.drivers.alive(first.drivers.me)
        first._storage.set_study_system_attr(first._study_id, name, {**said, "started": "another process"})
        second.drivers.listen()
        assert not second.drivers.alive(first.drivers.me)
        elsewhere = {**said, "process": gone.pid, "place": "another machine"}
        first._storage.set_study_system_attr(first._study_id, name, elsewhere)
        second.drivers.listen()
        assert second.drivers.alive(first.drivers.me)
        monkeypatch.setattr(drivers, "SILENCE_SECONDS", 0.0)
        assert not second.drivers.alive(first.drivers.me)
    assert not second.drivers.company()


def test_a_driver_gives_signs_of_life(storage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "BEAT_SECONDS", 0.01)
    records = opened(storage)
    with records.drivers.working():
        deadline = time.monotonic() + 20
        while words(records)["beat"] < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert words(records)["beat"] >= 2


def test_drivers_that_would_train_otherwise_are_refused(storage: str) -> None:
    first = {"epochs": 9, "rungs": (1, 3, 9), "learning_rate": 0.1}

    def joined(**training: Any) -> Records:
        header = replace(shared_study.HEADER, training=training)
        return open_records(Path(storage), "shared", header, shared_study.space().choices)

    joined(**first)
    assert joined(**first).header.training == first
    with pytest.raises(NasError) as error:
        joined(**(first | {"rungs": (), "learning_rate": 0.2}))
    assert str(error.value).startswith(
        "study 'shared' trains with rungs 1,3,9, learning_rate 0.1; got rungs none, learning_rate 0.2."
    )
    assert "\n" not in str(error.value)
    joined(**first, dropout=0.5)  # a setting that the study's version did not have
    assert read_records(Path(storage))[0].training == first | {"rungs": [1, 3, 9]}


def test_a_study_that_does_not_say_how_it_trains_still_opens(storage: str) -> None:
    opened(storage).open(proposal(0))
    header = replace(shared_study.HEADER, training={"epochs": 9})
    old = open_records(Path(storage), "shared", header, shared_study.space().choices)
    assert len(old.history) == 1


def test_two_processes_share_a_study(storage: str) -> None:
    opened(storage)
    both = [shared_study.start(storage, 24, 0.2) for _ in range(2)]
    for driver in both:
        shared_study.go(driver)
    assert [driver.wait(300) for driver in both] == [0, 0]
    history = read_records(Path(storage))[1]
    shared_study.check(history, 24)
    assert len({record.driver for record in history if record.state == "finished"}) == 2, "both contribute"
    assert all(record.attempts == 1 for record in history), "nobody took a living driver's trial"


def test_one_of_two_is_killed_and_the_other_goes_on(storage: str) -> None:
    opened(storage)
    victim, other = (shared_study.start(storage, 24, 0.4) for _ in range(2))
    shared_study.go(victim)
    shared_study.go(other)
    finished: Counter[str] = Counter()
    watcher = opened(storage)
    while len(finished) < 2 or finished.total() < 6:
        time.sleep(0.05)
        watcher.refresh()
        finished = Counter(record.driver for record in watcher.history if record.state == "finished")
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    assert other.wait(300) == 0
    history = read_records(Path(storage))[1]
    shared_study.check(history, 24)
    before = {r.number: r for r in watcher.history if r.state == "finished"}
    assert all(history[number] == record for number, record in before.items())
    assert all(record.attempts <= 2 for record in history) and sum(record.attempts - 1 for record in history) <= 1
