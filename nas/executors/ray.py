"""Ray actors, on this machine or a cluster: one for each slot. The only file that imports ray."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from nas.errors import NasError
from nas.executors.executor import Executor, Job, Resources, Runner, Work
from nas.executors.guard import one_line
from nas.executors.payload import pack
from nas.executors.pool import Died, Event, Pool
from nas.executors.worker import THREAD_VARIABLES, Broken, Ready, prepare
from nas.outcomes import Failure, Outcome

STORE_FLOOR_BYTES = 128 * 2**20
ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""For the cluster started here: reports nothing home, and no warning about the devices hidden in `Trainer`."""
SILENCE = {"RAY_DEDUP_LOGS_SKIP_REGEX": "."}
"""Read when ray is imported: Ray prints each actor's death to *stdout*, where it would spoil a --json answer."""
CONNECT_SECONDS = 5.0
SETTINGS_FRAME = 4


def ray(work: Work, resources: Resources) -> Executor:
    """Return an executor of Ray actors on a cluster at `resources.address`, or on one started here.

    Raises:
        NasError: ray is not installed, the cluster cannot be had, or it is too small for the workers.
    """
    if resources.workers < 1:
        raise NasError("executor 'ray' must have 1 or more workers; got 0. Use executor 'local' for 0.")
    return RayExecutor(work, resources)


class Trainer:
    """The actor: a worker that answers method calls. It never raises, so that a raised error is Ray's own."""

    def __init__(
        self,
        path: Sequence[str],
        threads: int,
        gpus: float,
        stored: tuple[bytes, Sequence[Any]],
    ) -> None:
        self._word: Ready | Broken = Ready()
        sys.path.extend(entry for entry in path if entry not in sys.path)
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
        if gpus == 0:
            # Ray no longer hides devices from actors that asked for none.
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        try:
            self._runner: Runner = prepare(*stored, threads, gpus)
        except Exception as error:
            self._word = Broken(one_line(error))

    def ready(self) -> Ready | Broken:
        """Return the actor's first word."""
        return self._word

    def run(self, job: Job) -> Outcome | Failure:
        """Return the job's result."""
        return self._runner(job)


class ActorWorker:
    """A handle on one actor and on what it was last asked."""

    def __init__(self, api: Any, actor: Any) -> None:
        self._api = api
        self._actor = actor
        self.answer: Any = actor.ready.remote()

    def alive(self) -> bool:
        """Return True: that an actor died shows when it is asked something."""
        return True

    def send(self, job: Job) -> None:
        """Ask it to run a job."""
        self.answer = self._actor.run.remote(job)

    def read(self) -> Event:
        """Return its answer, or how it died."""
        answer, self.answer = self.answer, None
        errors = self._api.exceptions
        try:
            event: Event = self._api.get(answer)
            return event
        except errors.OutOfMemoryError as error:
            return Died(_cause(error), "out_of_memory")
        except errors.RayError as error:
            return Died(_cause(error))

    def kill(self) -> None:
        """Kill the actor's process; its GPU memory and its CPUs are free again."""
        self._api.kill(self._actor, no_restart=True)


class RayExecutor(Pool[ActorWorker]):
    """Ray actors that hold the payload and are replaced when they die; Ray itself retries nothing.

    The payload is put into the object store once and read there by all actors of a machine without a copy.
    """

    def __init__(self, work: Work, resources: Resources) -> None:
        api = _import()
        head, buffers = pack(work)
        arrays = [np.frombuffer(buffer, np.uint8) for buffer in buffers]
        self._api = api
        self._started = _connect(api, resources, sum(array.nbytes for array in arrays))
        try:
            threads, gpus = resources.threads_each, resources.gpus_per_trial
            _check_size(api, resources)
            self._stored = api.put((head, arrays))
            actor_class = api.remote(Trainer).options(
                num_cpus=threads, num_gpus=gpus, max_restarts=0, max_task_retries=0, max_concurrency=1
            )

            def hire(index: int) -> ActorWorker:
                return ActorWorker(api, actor_class.remote(list(sys.path), threads, gpus, self._stored))

            super().__init__(hire, self._wait_for, resources)
        except BaseException:
            self._disconnect()
            raise

    def close(self) -> None:
        """End the actors, and the cluster if this executor started it; jobs still running are dropped."""
        if self._api.is_initialized():
            super().close()
        self._disconnect()

    def _disconnect(self) -> None:
        if self._started:
            self._api.shutdown()
            self._started = False

    def _wait_for(self, workers: Sequence[ActorWorker], timeout: float | None) -> list[ActorWorker]:
        asked = {worker.answer: worker for worker in workers if worker.answer is not None}
        if not asked:
            time.sleep(timeout or 0.0)
            return []
        self._api.wait(list(asked), num_returns=1, timeout=timeout)
        answers, _ = self._api.wait(list(asked), num_returns=len(asked), timeout=0)  # the first may not be alone
        return [asked[answer] for answer in answers]


def _import() -> Any:
    try:
        with _environment({} if "ray" in sys.modules else SILENCE):
            import ray as api
    except ImportError as error:
        raise NasError(
            f"executor 'ray' must have the package ray; got '{error}'. "
            f"Install it (pip install 'ray>=2.50') or use --executor local."
        ) from None
    return api


def _connect(api: Any, resources: Resources, payload_bytes: int) -> bool:
    """Join or start a cluster; return whether it is this executor's to leave."""
    if api.is_initialized():
        return False
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        with _environment(ENVIRONMENT):
            if resources.address is not None:
                _knock(resources.address)
                api.init(address=resources.address, **quiet)
            else:
                api.init(
                    address="local",
                    num_cpus=resources.workers * resources.threads_each,
                    num_gpus=0 if resources.gpus_per_trial == 0 else None,
                    object_store_memory=STORE_FLOOR_BYTES + int(1.2 * payload_bytes),
                    include_dashboard=False,
                    **quiet,
                )
    except Exception as error:
        where = resources.address or "this machine"
        raise NasError(
            f"a Ray cluster must be reachable; got '{one_line(error)}' ({where}). "
            f"Check the address, or use --executor local."
        ) from None
    return True


def _knock(address: str) -> None:
    """Return None if something like Ray listens there: Ray itself would try for ten minutes.

    Raises:
        OSError, ValueError: nothing does within CONNECT_SECONDS, or the address is not "auto" or "host:port".
    """
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host:
        raise ValueError('an address is "auto" or "host:port"')
    with socket.create_connection((host, int(port)), CONNECT_SECONDS) as door:
        if os.environ.get("RAY_USE_TLS", "0") in ("0", "false"):
            _greet(door)


def _greet(door: socket.socket) -> None:
    """Say what a gRPC client says first, and hear whether a gRPC server answers, as Ray's does.

    Source: RFC 9113, sections 3.4 and 6.5: either side begins with a SETTINGS frame, the client with a preface too.

    Raises:
        OSError: nothing is said, or something else.
    """
    door.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, SETTINGS_FRAME, 0, 0, 0, 0, 0)))
    try:
        answer = door.recv(9)
    except TimeoutError:
        raise TimeoutError(f"no answer from Ray within {CONNECT_SECONDS:g} s") from None
    if len(answer) < 4 or answer[3] != SETTINGS_FRAME:
        raise ConnectionError("what answers there is not Ray")


def _check_size(api: Any, resources: Resources) -> None:
    """Return None if the cluster can hold a worker; one that grows may get the others later.

    Raises:
        NasError: not one worker fits, or the cluster is this machine and not all of them do.
    """
    own = resources.address is None
    needed = {"CPU": float(resources.threads_each), "GPU": resources.gpus_per_trial}
    there = api.cluster_resources()
    for kind, each in needed.items():
        total = each * (resources.workers if own else 1)
        if total > there.get(kind, 0.0) + 1e-9:
            raise NasError(
                f"the cluster must have the {kind}s its workers ask for; got {there.get(kind, 0.0):g} for "
                f"{resources.workers} workers of {each:g}. Ask for fewer workers or smaller shares."
            )


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables while Ray starts, which its processes inherit, and put the old values back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _cause(error: Exception) -> str:
    """Return Ray's page on why an actor died as one line: its process and the first sentence of the reason."""
    text = " ".join(str(error).split())
    process = re.search(r"pid: (\d+)", text)
    detail = re.search(r"exit detail: ([^.]*)", text)
    if process and detail:
        return f"actor process {process[1]} died: {detail[1]}"[:300]
    return one_line(error)
