"""A search killed with SIGKILL at random moments and resumed each time: is every finished trial there, once?"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.benchmarks.table import Table
from nas.records import Record, read_records

KILLS = 10
TRIALS = 60
SETTINGS = ("--task", "digits", "--trials", str(TRIALS), "--epochs", "4", "--final-epochs", "0", "--workers", "2")


def resume(folder: Path, say: Callable[[str], None]) -> Table:
    """Return one row for each kill: when it came and what the journal held; the summary judges the finished study.

    The delay before each kill is uniform between 2 and 25 seconds after the start of the process, so that kills
    fall into start-up, proposing, writing and training alike. Only the driver is killed; its workers must end by
    themselves.
    """
    rng = random.Random(0)
    rows: list[dict[str, Any]] = []
    seen: dict[int, Record] = {}
    with tempfile.TemporaryDirectory() as out:
        journal = Path(out) / "killed" / "journal.log"
        for kill in range(1, KILLS + 1):
            delay = rng.uniform(2.0, 25.0)
            workers = _run_and_kill(out, delay)
            history = read_records(journal)[1] if journal.exists() else []
            lost = _lost(seen, history)
            seen |= {record.number: record for record in history if record.state == "finished"}
            states = Counter(record.state for record in history)
            rows.append(
                {
                    "kill": kill,
                    "after_seconds": round(delay, 2),
                    "finished": states["finished"],
                    "running": states["running"],
                    "finished_trials_lost_or_changed": lost,
                    "workers_left_after_2_seconds": workers,
                }
            )
            say(f"kill {kill} after {delay:.1f} s: {dict(states)}")
        code = subprocess.run(
            _command(out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        ).returncode
        history = read_records(journal)[1]
    return Table(
        "resume", f"sparsenas search {' '.join(SETTINGS)}, killed {KILLS} times", rows, _verdict(seen, history, code)
    )


def _command(out: str) -> list[str]:
    return [sys.executable, "-m", "experiments.cli", "search", "--name", "killed", "--out", out, *SETTINGS]


def _run_and_kill(out: str, delay: float) -> int:
    """Start the search, kill it after `delay` seconds, and return how many of its workers outlive it by 2 s."""
    process = subprocess.Popen(_command(out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(delay)
    workers = _children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(2.0)
    return sum(_alive(worker) for worker in workers)


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _lost(seen: dict[int, Record], history: list[Record]) -> int:
    """Count trials that were finished before and are now absent, unfinished, or have another outcome."""
    now = {record.number: record for record in history}
    return sum(now.get(number) != record for number, record in seen.items())


def _verdict(seen: dict[int, Record], history: list[Record], code: int) -> dict[str, Any]:
    states = Counter(record.state for record in history)
    return {
        "exit_code": code,
        "finished": states["finished"],
        "running": states["running"],
        "failed": states["failed"],
        "candidates_twice": len(history) - len({record.digest for record in history}),
        "finished_trials_lost_or_changed": _lost(seen, history),
        "trials_started_more_than_once": sum(record.attempts > 1 for record in history),
    }
