"""A run directory has one driver at a time and says so, whatever became of the last one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.errors import ExperimentError
from experiments.run_directory import driving

HOLD = """
import pathlib, sys, time
from experiments.run_directory import driving
with driving(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_driver_is_refused_and_names_the_first(tmp_path: Path) -> None:
    with (
        driving(tmp_path / "run"),
        pytest.raises(ExperimentError, match=f"one driver at a time; got a second one, process {os.getpid()} holds it"),
        driving(tmp_path / "run"),
    ):
        pass


def test_a_killed_driver_leaves_no_lock(tmp_path: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None and first.stdout.readline() == "held\n"
    with pytest.raises(ExperimentError, match=f"process {first.pid} holds it"), driving(tmp_path):
        pass
    first.send_signal(signal.SIGKILL)
    first.wait()
    with driving(tmp_path) as run:
        assert run.config == tmp_path / "config.yaml"


def test_lock_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), driving(tmp_path):
        raise RuntimeError
    with driving(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words = r"must be writable; got 'Not a directory'.*Choose another --out\."
    with pytest.raises(ExperimentError, match=words), driving(tmp_path / "file" / "run"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ExperimentError, match="must be writable; got 'Permission denied'"), driving(tmp_path):
        pass
