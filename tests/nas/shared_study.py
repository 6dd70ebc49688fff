"""A driver of its own process on a study that others work on too; its trials sleep. `python -m` runs one."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from experiments.short_trials import make_runner, outcome_of
from nas.candidates import find_space, from_json
from nas.executors import Resources, Work, local
from nas.genomes import CandidateSpace, SparsityChoices
from nas.records import Header, Record, Records, open_records
from nas.screen import Screen
from nas.search import Search
from nas.strategies import STRATEGIES
from nas.tasks import load_task

HEADER = Header("digits", "mlp", ("val_accuracy", "kept"), 0, "choices")


def place(storage: str) -> str | Path:
    return storage if "://" in storage else Path(storage)


def space() -> CandidateSpace:
    return CandidateSpace(find_space("mlp"), SparsityChoices(methods=("random",)), load_task("digits", None).signature)


def opened(storage: str, study: str = "shared") -> Records:
    return open_records(place(storage), study, HEADER, space().choices)


def drive(storage: str, trials: int, seconds: float) -> None:
    records, candidates = opened(storage), space()
    screen = Screen(candidates, load_task("digits", None), HEADER.objectives)
    print("ready", flush=True)
    sys.stdin.readline()
    with closing(local(Work(make_runner, seconds), Resources(workers=0, threads=1))) as executor:
        Search(STRATEGIES["evolution"], screen, executor, records, candidates).run(trials)


def start(storage: str, trials: int, seconds: float) -> subprocess.Popen[str]:
    """Start a driver that has imported what it needs and waits for the word."""
    command = [sys.executable, "-m", "tests.nas.shared_study", storage, str(trials), str(seconds)]
    driver = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None and driver.stdout.readline() == "ready\n"
    return driver


def go(driver: subprocess.Popen[str]) -> None:
    assert driver.stdin is not None
    driver.stdin.write("go\n")
    driver.stdin.flush()


def check(history: list[Record], trials: int) -> None:
    """Every trial is there once, has its own result, and none is left behind."""
    states = Counter(record.state for record in history)
    withdrawn = [r for r in history if getattr(r.outcome, "error", "") == "withdrawn"]
    assert states["finished"] == trials and states["running"] == 0 and states["failed"] == len(withdrawn)
    assert [record.number for record in history] == list(range(len(history)))
    finished = [record for record in history if record.state == "finished"]
    assert len({record.digest for record in finished}) == trials
    assert all(record.outcome == outcome_of(from_json(record.candidate)) for record in finished)


if __name__ == "__main__":
    drive(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
