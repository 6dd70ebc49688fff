"""Searches killed with SIGKILL at random moments and resumed each time: is every finished trial there, once?"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from experiments.benchmarks.killing import (
    ENDLESS,
    Row,
    Watch,
    await_outcome,
    finish,
    kill_drivers,
    kill_workers,
    outlive,
)
from experiments.benchmarks.processes import children
from experiments.benchmarks.table import Table
from nas.records import read_records

KILLS = 100
"""Of the driver, and then of workers, of a search whose trials sleep."""
COMMAND_KILLS = 10
MORE = 10
"""Trials that the command finishes after its last kill; until then it is asked for more than it can."""
SETTINGS = ("--space", "mlp", "--epochs", "2", "--final-epochs", "0", "--workers", "2")


def resume(folder: Path, say: Callable[[str], None]) -> Table:
    """Return one row for each kill: when it came and what the journal held; the summary judges the finished studies.

    First the search loop over trials that sleep for at most 0.3 s, in one long study: its driver is killed 100 times,
    then 100 times one of its workers. Then the command itself, which trains, 10 times. Kills come in turn some time
    after a start and after a trial's end, so that they fall into start-up, proposing, writing and training alike.
    Workers must end by themselves when their driver is dead.
    """
    rng = random.Random(0)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as out:
        driver = _collected(kill_drivers(Path(out), KILLS, rng), rows, say)
        worker = _collected(kill_workers(Path(out), KILLS, rng), rows, say)
        short = {**finish(Path(out)), **{key: driver[key] + worker[key] for key in driver}}
    with tempfile.TemporaryDirectory() as out:
        command = _collected(_kill_command(Path(out), rng), rows, say)
        command |= _finish_command(Path(out))
    return Table("resume", _protocol(), rows, {"short trials": short, "command": command})


def _collected(kills: Iterator[Row], rows: list[Row], say: Callable[[str], None]) -> dict[str, Any]:
    """Add the rows of kills as they come; return their number and what must be zero of them."""
    before = len(rows)
    for row in kills:
        rows.append(row)
        if row["kill"] % 10 == 0:
            say(f"{row['kill']} kills of the {row['of']}: {row['finished']} trials finished")
    new = rows[before:]
    zero = {name: sum(row[name] for row in new) for name in ("lost_or_changed", "workers_left")}
    return {"kills": len(new), **zero}


def _command(out: Path, trials: int) -> list[str]:
    asked = ("--name", "killed", "--out", str(out), "--trials", str(trials))
    return [sys.executable, "-m", "experiments.cli", "search", *asked, *SETTINGS]


def _kill_command(out: Path, rng: random.Random) -> Iterator[Row]:
    watch = Watch(out / "killed", "killed")
    for kill in range(1, COMMAND_KILLS + 1):
        process = subprocess.Popen(_command(out, ENDLESS), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if kill % 2 == 0:
            await_outcome(out / "killed", lambda process=process: process.poll() is None)  # type: ignore[misc]
        delay = rng.uniform(0.0, 5.0) if kill % 2 == 0 else rng.uniform(2.0, 25.0)
        time.sleep(delay)
        workers = children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        left = outlive(workers)
        yield {"kill": kill, "of": "command", "after_seconds": round(delay, 2), **watch.look(), "workers_left": left}


def _finish_command(out: Path) -> dict[str, Any]:
    quiet, journal = subprocess.DEVNULL, out / "killed" / "journal.log"
    wanted = MORE + sum(record.state == "finished" for record in read_records(journal)[1])
    code = subprocess.run(_command(out, wanted), stdout=quiet, stderr=quiet, check=False).returncode
    history = read_records(journal)[1]
    states = Counter(record.state for record in history)
    return {
        "exit_code": code,
        "finished": states["finished"],
        "wanted": wanted,
        "running": states["running"],
        "failed": states["failed"],
        "candidates_twice": len(history) - len({record.digest for record in history}),
        "trials_started_more_than_once": sum(record.attempts > 1 for record in history),
    }


def _protocol() -> str:
    return (
        f"command: sparsenas search {' '.join(SETTINGS)}, its driver killed {COMMAND_KILLS} times, in turn 2 to 25 s "
        f"after its start and 0 to 5 s after a trial's end; short trials: one study of digits, mlp, random, whose "
        f"trials sleep for at most 0.3 s: {KILLS} drivers that run their trials themselves, killed in turn 0 to 2 s "
        f"after their start and 0 to 2 s after the first trial that they finish, then {KILLS} workers of one driver "
        f"with three, 0 to 1 s after the end of some trial; all by SIGKILL"
    )
