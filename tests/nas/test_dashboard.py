"""Optuna's dashboard opens a study of this project's, as its users would start it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from nas.tasks import load_task
from tests.nas.test_search import make

PATIENCE_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def page(url: str, server: subprocess.Popen[bytes]) -> str:
    """Return the page as soon as the server answers."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            with urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except URLError:
            time.sleep(0.2)
    raise AssertionError(f"no answer from {url}; the dashboard ended with {server.poll()}")


def test_the_dashboard_opens_a_journal(tmp_path: Path) -> None:
    pytest.importorskip("optuna_dashboard")
    journal = tmp_path / "journal.log"
    history = make(journal, load_task("digits", None))[0].run(5)
    port = free_port()
    command = [str(Path(sys.executable).parent / "optuna-dashboard"), "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen([*command, "--storage-class", "JournalFileStorage", str(journal)])
    try:
        root = f"http://127.0.0.1:{port}"
        (study,) = json.loads(page(f"{root}/api/studies", server))["study_summaries"]
        assert study["study_name"] == "study"
        shown = json.loads(page(f"{root}/api/studies/{study['study_id']}", server))
        assert [trial["values"] for trial in shown["trials"]] == [list(record.values or ()) for record in history]
        assert "<html" in page(f"{root}/dashboard", server).lower()
    finally:
        server.terminate()
        server.wait(10)
