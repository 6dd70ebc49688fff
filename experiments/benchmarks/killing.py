"""A long search of very short trials whose driver, and then whose workers, are killed a hundred times each."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from experiments.benchmarks.processes import alive, children
from experiments.short_trials import make_runner, outcome_of
from nas.candidates import find_space, from_json
from nas.executors import Resources, Work, local
from nas.genomes import CandidateSpace, SparsityChoices
from nas.outcomes import Failure
from nas.records import Header, Record, open_records, read_records
from nas.screen import Screen
from nas.search import Search
from nas.strategies import STRATEGIES
from nas.tasks import load_task

LONGEST_SECONDS = 0.3
ENDLESS = 1_000_000
LAST_TRIALS = 20
"""Finished after the last kill, so that the study ends by itself."""
HEADER = Header("digits", "mlp", ("val_accuracy", "kept"), 0, "choices")
Row = dict[str, Any]


def kill_drivers(folder: Path, kills: int, rng: random.Random) -> Iterator[Row]:
    """Yield a row for each of `kills` drivers of one study, which run their trials themselves.

    Every other one is killed 0 to 2 s after its start, the others 0 to 2 s after the first trial that they finish.
    """
    watch = Watch(folder, "study")
    for kill in range(1, kills + 1):
        driver = _start(folder, workers=0)
        if kill % 2 == 0:
            await_outcome(folder, driver.is_alive)
        delay = rng.uniform(0.0, 2.0)
        time.sleep(delay)
        os.kill(_pid(driver), signal.SIGKILL)
        driver.join()
        yield {"kill": kill, "of": "driver", "after_seconds": round(delay, 2), **watch.look(), "workers_left": 0}


def kill_workers(folder: Path, kills: int, rng: random.Random) -> Iterator[Row]:
    """Yield a row for each of `kills` workers of one driver with three, 0 to 1 s after the end of some trial.

    Nine in ten are the oldest of them, as the youngest may not have had a job yet. After the last one the driver is
    killed, and its workers must end by themselves.
    """
    watch = Watch(folder, "study")
    driver = _start(folder, workers=3)
    for kill in range(1, kills + 1):
        await_outcome(folder, driver.is_alive)
        delay = rng.uniform(0.0, 1.0)
        time.sleep(delay)
        workers = children(_pid(driver))
        os.kill(workers[0] if rng.random() < 0.9 else rng.choice(workers), signal.SIGKILL)
        left = _end(driver) if kill == kills else 0
        yield {"kill": kill, "of": "worker", "after_seconds": round(delay, 2), **watch.look(), "workers_left": left}


def finish(folder: Path) -> dict[str, Any]:
    """Let the study end by itself and return what is true of it."""
    finished = sum(record.state == "finished" for record in _history(folder, "study"))
    driver = _start(folder, workers=0, trials=finished + LAST_TRIALS)
    driver.join()
    history = _history(folder, "study")
    states = Counter(record.state for record in history)
    return {
        "exit_code": driver.exitcode,
        "finished": states["finished"],
        "running": states["running"],
        "failed": states["failed"],
        "failed_as": dict(Counter(r.outcome.error for r in history if isinstance(r.outcome, Failure))),
        "wanted": finished + LAST_TRIALS,
        "candidates_twice": len(history) - len({record.digest for record in history}),
        "outcomes_not_their_candidate's": sum(not _right(record) for record in history if record.state == "finished"),
        "trials_started_more_than_once": sum(record.attempts > 1 for record in history),
        "torn_writes_mended": _lines(folder / "journal.log.torn"),
    }


class Watch:
    """Remembers every finished trial it has seen, and counts those that are lost or changed later."""

    def __init__(self, folder: Path, study: str) -> None:
        self._folder = folder
        self._study = study
        self._seen: dict[int, Record] = {}

    def look(self) -> Row:
        """Return how many trials are finished and running, and how many of those seen before are not as they were."""
        history = {record.number: record for record in _history(self._folder, self._study)}
        lost = sum(history.get(number) != record for number, record in self._seen.items())
        self._seen |= {number: record for number, record in history.items() if record.state == "finished"}
        states = Counter(record.state for record in history.values())
        return {"finished": states["finished"], "running": states["running"], "lost_or_changed": lost}


def _history(folder: Path, study: str) -> list[Record]:
    """Return the records of a copy of the journal: a reader beside a writer would take its last line for a torn one."""
    journal, copy = folder / "journal.log", folder / "copy.log"
    if not journal.exists():
        return []
    data = journal.read_bytes()
    if b'"digest"' not in data:  # killed before the first trial
        return []
    copy.write_bytes(data[: data.rfind(b"\n") + 1])
    return read_records(copy, study)[1]


def await_outcome(folder: Path, lives: Callable[[], bool]) -> None:
    """Wait until the driver of a run directory has recorded one more outcome.

    Raises:
        RuntimeError: it ended instead.
    """
    journal = folder / "journal.log"
    start = journal.stat().st_size if journal.exists() else 0
    while lives():
        if journal.exists():
            with journal.open("rb") as file:
                file.seek(start)
                if b'"outcome"' in file.read():
                    return
        time.sleep(0.01)
    raise RuntimeError(f"a driver must live until it is killed; it ended by itself ({folder})")


def _start(folder: Path, workers: int, trials: int = ENDLESS) -> BaseProcess:
    """Start a driver as a copy of this process, which has imported all it needs: most of a life is then searching."""
    driver = get_context("fork").Process(target=_drive, args=(folder, workers, trials))
    driver.start()
    return driver


def _drive(folder: Path, workers: int, trials: int) -> None:
    task = load_task("digits", None)
    space = CandidateSpace(find_space("mlp"), SparsityChoices(methods=("random",)), task.signature)
    records = open_records(folder / "journal.log", "study", HEADER, space.choices)
    screen = Screen(space, task, HEADER.objectives)
    work = Work(make_runner, LONGEST_SECONDS)
    with closing(local(work, Resources(workers=workers, threads=1))) as executor:
        Search(STRATEGIES["random"], screen, executor, records, space).run(trials)


def _end(driver: BaseProcess) -> int:
    workers = children(_pid(driver))
    os.kill(_pid(driver), signal.SIGKILL)
    driver.join()
    return outlive(workers)


def outlive(workers: list[int]) -> int:
    """Return how many of the workers live 2 s after their driver."""
    deadline = time.monotonic() + 2.0
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return sum(map(alive, workers))


def _right(record: Record) -> bool:
    return record.outcome == outcome_of(from_json(record.candidate))


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def _pid(process: BaseProcess) -> int:
    assert process.pid is not None
    return process.pid
