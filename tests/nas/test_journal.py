"""The journal file under torn writes, corrupt lines, and locks of the dead."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import resource
import signal
import time
from pathlib import Path

import optuna
import pytest

from nas.errors import NasError
from nas.journal import KernelLock, open_journal


def write_trials(path: Path, count: int) -> None:
    study = optuna.create_study(study_name="s", storage=open_journal(path), load_if_exists=True)
    for _ in range(count):
        study.add_trial(optuna.trial.create_trial(value=1.0))


def test_a_torn_tail_is_set_aside_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    write_trials(path, 3)
    whole = path.read_bytes()
    with path.open("ab") as journal:
        journal.write(b'{"op_code": 4, "worker')
    write_trials(path, 1)
    assert path.read_bytes().startswith(whole)
    assert (tmp_path / "journal.log.torn").read_bytes() == b'{"op_code": 4, "worker\n'
    assert len(optuna.load_study(study_name="s", storage=open_journal(path)).trials) == 4


def test_a_corrupt_line_is_named_and_nothing_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    write_trials(path, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = b"@@@ not json\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(NasError, match=r"line 3 starts with '@@@ not json'.*Nothing was changed"):
        open_journal(path)
    assert path.read_bytes() == b"".join(lines)


def test_an_unwritable_folder_is_one_line(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(NasError, match="must be readable and writable"):
        open_journal(blocker / "journal.log")


def test_a_disk_that_is_full_leaves_whole_lines_and_the_study_goes_on_later(tmp_path: Path) -> None:
    """The system itself refuses the write: a limit on this process's files, as a quota or a full disk would."""
    path = tmp_path / "journal.log"
    write_trials(path, 3)
    whole = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, hard))
    try:
        with pytest.raises(NasError, match=r"write its journal; got 'File too large' .*make room and run the same"):
            write_trials(path, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == whole
    write_trials(path, 2)
    assert len(optuna.load_study(study_name="s", storage=open_journal(path)).trials) == 5
    assert not (tmp_path / "journal.log.torn").exists()


def hold(path: Path, ready: str) -> None:
    KernelLock(path).acquire()
    Path(ready).write_text("held")
    time.sleep(60)


def test_a_killed_owner_releases_the_lock_at_once(tmp_path: Path) -> None:
    lock, ready = tmp_path / "lock", tmp_path / "ready"
    process = multiprocessing.get_context("fork").Process(target=hold, args=(lock, str(ready)))
    process.start()
    while not ready.exists():
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with lock.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises BlockingIOError if anyone still holds it


def test_every_line_is_one_json_object(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    write_trials(path, 2)
    assert all(isinstance(json.loads(line), dict) for line in path.read_text().splitlines())
