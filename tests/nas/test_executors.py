"""The contract every executor joins: each job ends once, with its result or the reason why it has none."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from nas.errors import NasError
from nas.executors import EXECUTORS, Executor, Job, Resources, Work, local
from nas.executors.guard import guarded
from nas.executors.payload import pack, unpack
from nas.executors.ray import _connect
from nas.executors.shared import SharedFile, mapped
from nas.outcomes import Failure, Outcome
from tests.nas import executor_jobs

TWO = Resources(workers=2, threads=1)
KINDS = [
    pytest.param("serial", id="serial"),
    pytest.param("local", id="local"),
    pytest.param("ray", id="ray", marks=pytest.mark.ray),
]


def work(make_runner: Callable[..., Any] = executor_jobs.make_runner) -> Work:
    """Arrays, not tensors: workers that need no torch start quickly, and these tests start many."""
    rng = np.random.default_rng(0)
    payload = {
        "inputs": rng.integers(0, 255, (512, 300), dtype=np.uint8),
        "targets": rng.integers(0, 10, 512),
        "array": np.arange(100_000),
    }
    return Work(make_runner, {"offset": 0.5}, payload)


def tensors() -> Work:
    """The same payload as tensors."""
    plain = work()
    return replace(plain, payload={name: torch.from_numpy(array) for name, array in plain.payload.items()})


@pytest.fixture(scope="module")
def executors() -> Iterator[Callable[[str], Executor]]:
    """Executors of each kind, started when first asked for and shared by the module's tests."""
    started: dict[str, Executor] = {}

    def get(kind: str) -> Executor:
        if kind == "serial":
            return local(work(), Resources(workers=0, threads=1))
        if kind not in started:
            started[kind] = EXECUTORS[kind](work(), TWO)
        return started[kind]

    yield get
    for executor in started.values():
        executor.close()


@pytest.fixture(params=KINDS)
def executor(request: pytest.FixtureRequest, executors: Callable[[str], Executor]) -> Executor:
    return executors(request.param)


@pytest.fixture(params=KINDS[1:])
def isolated(request: pytest.FixtureRequest, executors: Callable[[str], Executor]) -> Executor:
    """An executor whose jobs cannot harm the driver."""
    return executors(request.param)


def job(identity: int, *behaviour: Any) -> Job:
    return Job(identity, behaviour)  # type: ignore[arg-type]


def run(executor: Executor, *jobs: Job) -> dict[int, Outcome | Failure]:
    """Hand in jobs, wait for all, and return results by identity; none may come twice."""
    for each in jobs:
        executor.submit(each)
    results: dict[int, Outcome | Failure] = {}
    while len(results) < len(jobs):
        ended = executor.wait()
        assert ended
        for each, result in ended:
            assert each.identity not in results
            assert each in jobs
            results[each.identity] = result
    return results


def failure(result: Outcome | Failure) -> Failure:
    assert isinstance(result, Failure), result
    assert "\n" not in result.message
    return result


def test_every_job_ends_once_with_its_own_result(executor: Executor) -> None:
    results = run(executor, *(job(i, "nap", i / 100) for i in range(7)))
    assert {i: r.val_accuracy for i, r in results.items() if isinstance(r, Outcome)} == {i: i / 100 for i in range(7)}
    assert executor.wait() == [], "nothing is in flight, so nothing to wait for"


def test_settings_and_payload_arrive(executor: Executor) -> None:
    result = run(executor, job(1, "describe"))[1]
    assert isinstance(result, Outcome)
    assert result.val_accuracy == np.arange(100_000).sum() + 0.5


def test_slots_start_their_jobs_at_once_and_run_side_by_side(isolated: Executor, tmp_path: Path) -> None:
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    isolated.submit(job(2, "meet", one, other))
    isolated.submit(job(3, "meet", other, one))
    while not (tmp_path / "one").exists() or not (tmp_path / "other").exists():
        time.sleep(0.01)  # the driver does not wait() meanwhile: a free slot needs no push
    results: dict[int, Outcome | Failure] = {}
    while len(results) < 2:
        results |= {each.identity: result for each, result in isolated.wait()}
    assert all(isinstance(result, Outcome) for result in results.values())


def test_an_exception_is_a_failure_of_one_line(executor: Executor) -> None:
    result = failure(run(executor, job(1, "fail"))[1])
    assert (result.error, result.message) == ("exception", "RuntimeError: first line")


def test_after_running_out_of_memory_what_the_job_held_is_free() -> None:
    """The tensor hangs on a cycle besides, as exceptions with tracebacks often do."""
    held: list[weakref.ref[torch.Tensor]] = []

    def hungry(job: Job) -> Outcome:
        tensor = torch.zeros(10)
        held.append(weakref.ref(tensor))
        cycle: list[Any] = [tensor]
        cycle.append(cycle)
        raise MemoryError

    assert failure(guarded(hungry)(job(1))).error == "out_of_memory"
    assert held[0]() is None


@pytest.mark.parametrize("behaviour", ["starve", "starve_torch", "starve_device"])
def test_running_out_of_memory_is_told_apart(executor: Executor, behaviour: str) -> None:
    assert failure(run(executor, job(1, behaviour))[1]).error == "out_of_memory"


@pytest.mark.parametrize("behaviour", ["be_killed", "leave"])
def test_a_dead_worker_fails_its_job_and_its_slot_lives_on(isolated: Executor, behaviour: str) -> None:
    results = run(isolated, job(1, behaviour), job(2, "nap", 0.1), job(3, "describe"), job(4, "describe"))
    assert failure(results[1]).error == "worker_died"
    assert all(isinstance(results[i], Outcome) for i in (2, 3, 4))


def test_killed_from_outside_in_the_middle_of_a_job(isolated: Executor, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    isolated.submit(job(1, "hang", str(mark)))
    os.kill(int(read_when_there(mark)), signal.SIGKILL)
    ((_, result),) = isolated.wait()
    assert failure(result).error == "worker_died"
    assert isinstance(run(isolated, job(2, "describe"))[2], Outcome)


def test_a_job_that_does_not_end_is_killed(isolated: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "_limit", 1.0)
    monkeypatch.setattr(isolated, "_grace", 1.0)
    mark = tmp_path / "pid"
    results = run(isolated, job(1, "hang", str(mark)), job(2, "nap", 0.1))
    assert failure(results[1]).error == "time_limit"
    assert "limit of 1 s" in failure(results[1]).message
    assert isinstance(results[2], Outcome)
    assert gone(int(mark.read_text())), "the process trains on"
    assert isinstance(run(isolated, job(3, "describe"))[3], Outcome)


def test_the_limit_and_its_grace_come_from_the_resources(tmp_path: Path) -> None:
    executor = local(work(), Resources(workers=1, time_limit_seconds=0.5, grace_seconds=0.5))
    assert isinstance(run(executor, job(0, "nap", 0.0))[0], Outcome)
    result = failure(run(executor, job(1, "hang", str(tmp_path / "pid")))[1])
    assert result.error == "time_limit"
    assert result.seconds >= 1.0  # the limit and the grace
    executor.close()


@pytest.mark.ray
def test_all_executors_give_the_same_bits(executors: Callable[[str], Executor]) -> None:
    results = {
        kind: run(executors(kind), *(job(seed, "train", seed) for seed in range(4)))
        for kind in ("serial", "local", "ray")
    }
    assert results["serial"] == results["local"] == results["ray"]
    assert all(isinstance(r, Outcome) and r.kept == 1 for r in results["ray"].values()), "threads"


def test_workers_have_the_threads_they_were_given() -> None:
    executor = local(tensors(), Resources(workers=1, threads=2))
    result = run(executor, job(1, "train", 0))[1]
    executor.close()
    assert isinstance(result, Outcome) and result.kept == 2


def test_close_leaves_no_process_even_with_jobs_in_flight(tmp_path: Path) -> None:
    executor = local(work(), Resources(workers=2, threads=1))
    marks = [tmp_path / "a", tmp_path / "b"]
    for identity, mark in enumerate(marks):
        executor.submit(job(identity, "hang", str(mark)))
    while not all(mark.exists() for mark in marks):
        executor.submit(job(9, "nap", 0.0))  # submitting is what starts jobs on workers that became ready
        time.sleep(0.05)
    pids = [int(read_when_there(mark)) for mark in marks]
    executor.close()
    assert all(gone(pid) for pid in pids)
    executor.close()  # twice does no harm


def test_a_worker_that_cannot_set_up_stops_the_search_with_the_reason() -> None:
    executor = local(work(executor_jobs.broken_runner), Resources(workers=1))
    executor.submit(job(1, "nap", 0.0))
    with pytest.raises(NasError, match=r"must be able to set up; got 'FileNotFoundError: no data set here'"):
        executor.wait()
    executor.close()


def test_workers_that_die_at_their_start_stop_the_search() -> None:
    executor = local(work(executor_jobs.dying_runner), Resources(workers=1))
    executor.submit(job(1, "nap", 0.0))
    with pytest.raises(NasError, match=r"3 died in a row, the last: worker process \d+ ended with exit code 7"):
        executor.wait()
    executor.close()


def test_what_a_worker_prints_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    executor = local(work(), Resources(workers=1))
    run(executor, job(1, "speak"))
    executor.close()
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "a worker's print" in captured.err


def test_ctrl_c_in_the_terminal_reaches_the_driver_only() -> None:
    """SIGINT to the driver's process group, and to the worker itself: it works on."""
    executor = local(work(), Resources(workers=1))
    first = run(executor, job(1, "describe"))[1]
    assert isinstance(first, Outcome)
    assert os.getpgid(first.kept) != os.getpgid(0)
    os.kill(first.kept, signal.SIGINT)
    second = run(executor, job(2, "describe"))[2]
    executor.close()
    assert second == first


DRIVER = """
import sys
sys.path[:0] = {path!r}
from tests.nas import executor_jobs
from nas.executors import EXECUTORS, Job, Resources, Work
executor = EXECUTORS[{kind!r}](Work(executor_jobs.make_runner), Resources(workers=1, threads=1))
executor.submit(Job(1, ("beat", {mark!r})))
executor.wait()
"""


@pytest.mark.parametrize("kind", KINDS[1:])
def test_killing_the_driver_leaves_nothing_training(kind: str, tmp_path: Path) -> None:
    mark = tmp_path / "beat"
    script = DRIVER.format(path=sys.path, kind=kind, mark=str(mark))
    driver = subprocess.Popen([sys.executable, "-c", script])  # no main guard, no file: as in a notebook
    pid = int(read_when_there(mark, 60).split()[0])
    driver.kill()
    driver.wait()
    assert gone(pid, 15), "an orphan trains on"


def read_when_there(path: Path, seconds: float = 20.0) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text()):
            return text
        time.sleep(0.02)
    raise AssertionError(f"no {path}")


def gone(pid: int, seconds: float = 5.0) -> bool:
    """Return whether a process ends within some seconds (a zombie has ended)."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_ray_missing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(NasError, match=r"must have the package ray.*pip install 'ray>=2.50'.*--executor local"):
        EXECUTORS["ray"](work(), Resources(workers=1))


def test_importing_the_executors_does_not_import_ray() -> None:
    code = "import sys, nas.executors; sys.exit('ray' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": -1}, "workers must be 0 or more; got -1"),
        ({"threads": 0}, "threads must be 1 or more; got 0"),
        ({"gpus_per_trial": 1.5}, r"gpus-per-trial must be in \[0, 1\] or whole; got 1.5"),
        ({"gpus_per_trial": float("nan")}, "gpus-per-trial must be"),
        ({"time_limit_seconds": 0.0}, "time-limit must be above 0 seconds; got 0.0"),
    ],
)
def test_resources_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(NasError, match=message):
        Resources(**settings)


@pytest.mark.parametrize(
    ("address", "reason"),
    [("127.0.0.1:9", "ConnectionRefusedError"), ("ray://host:1", '"auto" or "host:port"'), ("nowhere", "auto")],
)
def test_a_ray_cluster_that_is_not_there_is_one_line(address: str, reason: str) -> None:
    with pytest.raises(NasError, match=f"a Ray cluster must be reachable; got '.*{reason}") as caught:
        _connect(SimpleNamespace(is_initialized=lambda: False), Resources(address=address), 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(b"", "no answer from Ray within 0.2 s"), (b"HTTP/1.1 400 Bad", "what answers there is not Ray")],
)
def test_a_program_that_is_no_ray_is_one_line(answer: bytes, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("nas.executors.ray"), "CONNECT_SECONDS", 0.2)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        said: list[socket.socket] = []

        def serve() -> None:
            said.append(listener.accept()[0])
            said[0].sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        place = Resources(address=f"127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(NasError, match=f"a Ray cluster must be reachable; got '.*{reason}"):
            _connect(SimpleNamespace(is_initialized=lambda: False), place, 0)
        said[0].close()


def test_ray_without_workers_is_refused() -> None:
    with pytest.raises(NasError, match="must have 1 or more workers; got 0"):
        EXECUTORS["ray"](work(), Resources(workers=0))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(24, dtype=torch.float32).reshape(2, 3, 4),
        torch.arange(12).reshape(3, 4).t(),
        torch.tensor([True, False]),
        torch.randn(5, generator=torch.Generator().manual_seed(0)).bfloat16(),
        torch.tensor(3.5),
        torch.empty(0, 3),
    ],
)
def test_tensors_come_through_shared_memory_as_they_were(tensor: torch.Tensor) -> None:
    array = np.arange(7.0)
    head, buffers = pack({"a": tensor, "b": [tensor, array], "c": "text"})
    shared = SharedFile(buffers)
    copy = unpack(head, mapped(shared.descriptor, shared.spans))
    shared.close()
    assert copy["c"] == "text"
    assert np.array_equal(copy["b"][1], array)
    for each in (copy["a"], copy["b"][0]):
        assert each.dtype == tensor.dtype and each.shape == tensor.shape
        assert torch.equal(each, tensor)


def test_large_tensors_are_shared_not_pickled() -> None:
    tensor = torch.zeros(1_000_000)
    head, buffers = pack(tensor)
    assert len(head) < 1000
    assert [buffer.nbytes for buffer in buffers] == [4_000_000]
    tensor[0] = 1.0
    assert unpack(head, buffers)[0] == 1.0, "packing copied"
