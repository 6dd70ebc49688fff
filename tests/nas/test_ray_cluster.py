"""`--address`: a search on a Ray cluster that runs already, of two nodes in processes of their own on this machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nas.outcomes import Outcome
from nas.records import read_records

pytestmark = pytest.mark.ray

SEARCH = (
    "search --space mlp --strategy random --method random --trials 4 --epochs 1 --final-epochs 0 --seed 3 --name s "
    "--workers 2 --threads-per-trial 1 --device cpu --json"
)
PATIENCE_SECONDS = 180.0
ENVIRONMENT = {
    **os.environ,
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # else nodes and drivers need a token file in the home folder
    "RAY_worker_niceness": "0",
}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def ray_start(*arguments: str) -> subprocess.Popen[bytes]:
    """Start a node; it ends with this process, and takes what it started along."""
    program = shutil.which("ray", path=str(Path(sys.executable).parent)) or shutil.which("ray")
    if program is None:
        pytest.skip("needs Ray's command")
    settings = (
        "--block --num-cpus=1 --num-gpus=0 --object-store-memory=100000000 --disable-usage-stats "
        "--min-worker-port=0 --max-worker-port=0"
    )
    return subprocess.Popen(
        [program, "start", *settings.split(), *arguments],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def nodes(address: str) -> int:
    """Ask, in a process of its own, how many living nodes a cluster has; 0 if it does not answer yet."""
    code = (
        "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False, logging_level='ERROR'); "
        "print('nodes', sum(node['Alive'] for node in ray.nodes()))"
    )
    try:
        asked = subprocess.run(
            [sys.executable, "-c", code, address],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=ENVIRONMENT,
        )
    except subprocess.TimeoutExpired:
        return 0
    return next((int(line.split()[1]) for line in asked.stdout.splitlines() if line.startswith("nodes ")), 0)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    pytest.importorskip("ray")
    folder, port = tempfile.mkdtemp(prefix="ray-", dir="/tmp"), free_port()  # a socket's path must be short
    head = ray_start("--head", f"--port={port}", f"--temp-dir={folder}", "--include-dashboard=false")
    started = [head]
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not listens(port) and head.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        if not listens(port):
            pytest.skip("Ray cannot start on this machine")
        started.append(ray_start(f"--address=127.0.0.1:{port}"))
        while nodes(f"127.0.0.1:{port}") < len(started):
            if time.monotonic() > deadline or any(node.poll() is not None for node in started):
                pytest.skip("Ray cannot start two nodes on this machine")
            time.sleep(0.5)
        yield f"127.0.0.1:{port}"
    finally:
        for node in reversed(started):
            node.terminate()
        for node in started:
            node.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def search(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "experiments.cli", *SEARCH.split(), "--out", str(out), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS, env=ENVIRONMENT
    )


def results(journal: Path) -> dict[str, Any]:
    """What was measured of each candidate, but for its seconds."""
    history = read_records(journal)[1]
    assert all(isinstance(record.outcome, Outcome) for record in history)
    return {
        record.digest: (record.number, record.values, [(e.train_loss, e.val_accuracy) for e in record.outcome.curve])
        for record in history
        if isinstance(record.outcome, Outcome)
    }


def test_a_running_cluster_of_two_nodes_trains_what_local_workers_do(address: str, tmp_path: Path) -> None:
    local = search(tmp_path / "local")
    assert local.returncode == 0, local.stderr
    cluster = search(tmp_path / "ray", "--executor", "ray", "--address", address)
    assert cluster.returncode == 0, cluster.stderr
    assert json.loads(cluster.stdout)["finished"] == 4
    assert results(tmp_path / "ray" / "s" / "journal.log") == results(tmp_path / "local" / "s" / "journal.log")
    assert nodes(address) == 2, "the cluster is not the search's to stop"


def test_an_address_where_nothing_or_nobody_of_ray_answers_is_one_line(tmp_path: Path) -> None:
    """Refused at once; a program that listens but is no Ray is given up after a time that the message states."""
    refused = search(tmp_path / "refused", "--executor", "ray", "--address", f"127.0.0.1:{free_port()}")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        unanswered = search(tmp_path / "silent", "--executor", "ray", "--address", f"127.0.0.1:{port}")
    for answer in (refused, unanswered):
        last = answer.stderr.strip().splitlines()[-1]
        assert answer.returncode == 2 and answer.stdout == ""
        assert last.startswith("error: a Ray cluster must be reachable; got '")
        assert last.endswith("Check the address, or use --executor local.")
    assert "ConnectionRefusedError" in refused.stderr
    assert "no answer from Ray within 5 s" in unanswered.stderr
