"""The real command when the system refuses to write more: one line, whole files, and the same command goes on later."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.failures import explain
from experiments.files import write_text
from nas.records import read_records

SETTINGS = "search --space mlp --epochs 1 --final-epochs 0 --workers 0 --method random --name full"
ROOM = 60_000
"""Bytes that any file may have: room for a few trials in the journal."""


def search(out: Path, trials: int, room: int | None = None) -> subprocess.CompletedProcess[str]:
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))" if room else ""
    code = f"{limit}\nfrom experiments.cli import main; import sys; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, *SETTINGS.split(), "--trials", str(trials), "--out", str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_no_room_is_one_line_and_the_search_goes_on_when_there_is(tmp_path: Path) -> None:
    stopped = search(tmp_path, 40, ROOM)
    assert stopped.returncode == 2
    last = stopped.stderr.splitlines()[-1]
    assert last.startswith("error: a search must be able to write its journal; got 'File too large'")
    assert last.endswith("make room and run the same command again.") and "Traceback" not in stopped.stderr
    journal = tmp_path / "full" / "journal.log"
    for line in journal.read_text().splitlines(keepends=True):
        assert line.endswith("\n") and isinstance(json.loads(line), dict)
    before = {record.number: record for record in read_records(journal)[1] if record.state == "finished"}
    assert before
    done = search(tmp_path, len(before) + 2)
    assert done.returncode == 0, done.stderr
    after = {record.number: record for record in read_records(journal)[1]}
    assert all(after[number] == record for number, record in before.items())
    assert all(record.state != "running" for record in after.values())
    assert not (tmp_path / "full" / "journal.log.torn").exists()


def test_a_file_without_room_leaves_the_old_one_and_no_part(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    write_text(file, "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="File too large") as refused:
            write_text(file, "x" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"] and file.read_text() == "old"
    line = explain(refused.value)
    assert line == "a file or folder must be usable; got 'File too large'. Make room and run the same command again."
