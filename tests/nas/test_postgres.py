"""Studies in a PostgreSQL server of this test's own, started before and stopped after; skipped where there is none."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.errors import NasError
from nas.executors import Job
from nas.outcomes import Failure, Outcome
from nas.records import read_records
from nas.tasks import Task, load_task
from tests.nas import shared_study
from tests.nas.test_search import Killed, make, states, succeed

USER = "postgres"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs; Debian's package keeps them out of the path."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders and (os.geteuid() != 0 or _has_user()) else None


def _has_user() -> bool:
    return any(entry.pw_name == USER for entry in pwd.getpwall())


def _run(folder: Path, *command: str) -> None:
    """Run one of the programs; the server refuses to be root, so it is given its own user then."""
    as_user = ["runuser", "-u", USER, "--"] if os.geteuid() == 0 else []
    subprocess.run(
        [*as_user, str(folder / command[0]), *command[1:]], check=True, capture_output=True, timeout=60, cwd="/"
    )


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    folder = programs()
    if folder is None:
        pytest.skip("needs PostgreSQL's server programs")
    pytest.importorskip("pg8000")
    home = tempfile.mkdtemp(prefix="sparsenas-", dir="/tmp")  # a socket's path must be short
    if os.geteuid() == 0:
        shutil.chown(home, USER)
    try:
        _run(folder, "initdb", "-D", f"{home}/data", "-U", USER, "-A", "trust", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off"
        _run(folder, "pg_ctl", "-D", f"{home}/data", "-l", f"{home}/log", "-w", "-o", options, "start")
        try:
            yield f"postgresql+pg8000://{USER}@/postgres?unix_sock={home}/.s.PGSQL.5432"
        finally:
            _run(folder, "pg_ctl", "-D", f"{home}/data", "-m", "fast", "-w", "stop")
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="module")
def digits() -> Task:
    return load_task("digits", None)


def test_a_killed_search_resumes_from_the_server(url: str, digits: Task) -> None:
    def answer(job: Job, times: int) -> Outcome | Failure:
        if job.identity >= 4:
            raise Killed
        return succeed(job)

    with pytest.raises(Killed):
        make(url, digits, answer)[0].run(9)
    search, _ = make(url, digits)
    history = search.run(9)
    assert states(history) == {"finished": 9}
    assert len({record.digest for record in history}) == 9
    assert sum(record.attempts == 2 for record in history) >= 1
    _, read = read_records(url, "study")
    assert read == history


def test_a_server_that_is_not_there_is_one_line() -> None:
    pytest.importorskip("pg8000")
    with pytest.raises(NasError, match="a storage URL must open"):
        read_records("postgresql+pg8000://nobody@127.0.0.1:1/none", "study")


def test_two_processes_share_a_study_on_the_server(url: str) -> None:
    shared_study.opened(url)
    both = [shared_study.start(url, 24, 0.2) for _ in range(2)]
    for driver in both:
        shared_study.go(driver)
    assert [driver.wait(300) for driver in both] == [0, 0]
    history = read_records(url, "shared")[1]
    shared_study.check(history, 24)
    assert len({record.driver for record in history if record.state == "finished"}) == 2
    assert all(record.attempts == 1 for record in history)
