"""The real command under SIGKILL: nothing finished is lost, no worker lives on, and the same command ends the study."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from nas.records import Record, read_records


def command(out: Path) -> list[str]:
    settings = "search --space mlp --trials 8 --epochs 2 --final-epochs 0 --workers 2 --method random --name killed"
    return [sys.executable, "-m", "experiments.cli", *settings.split(), "--out", str(out)]


def finished(journal: Path) -> dict[int, Record]:
    history = read_records(journal)[1] if journal.exists() and journal.stat().st_size else []
    return {record.number: record for record in history if record.state == "finished"}


def kill_after(out: Path, trials: int) -> None:
    """Start the search and kill its driver as soon as the journal tells of `trials` finished trials."""
    driver = subprocess.Popen(command(out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = out / "killed" / "journal.log"
    while driver.poll() is None and (not journal.exists() or journal.read_text().count('"kind":"outcome"') < trials):
        time.sleep(0.02)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()


def test_killed_twice_and_resumed(tmp_path: Path) -> None:
    journal = tmp_path / "killed" / "journal.log"
    kill_after(tmp_path, 2)
    first = finished(journal)
    kill_after(tmp_path, 5)
    second = finished(journal)
    subprocess.run(command(tmp_path), check=True, capture_output=True)
    history = read_records(journal)[1]
    last = {record.number: record for record in history}
    assert len(first) >= 1 and len(second) >= len(first)
    assert all(last[number] == record for number, record in (first | second).items())
    states = Counter(record.state for record in history)
    assert states["finished"] == 8 and states["running"] == 0
    assert len({record.digest for record in history}) == len(history)
