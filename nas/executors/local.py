"""Worker processes on this machine; `workers=0` runs the jobs in this process instead."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import Pipe, connection

from nas.executors.executor import Executor, Job, Resources, Work
from nas.executors.payload import pack
from nas.executors.pool import Died, Event, Pool
from nas.executors.serial import SerialExecutor
from nas.executors.shared import SharedFile
from nas.executors.worker import THREAD_VARIABLES, Setup

BOOT = """
import sys
from multiprocessing.connection import Connection
driver = Connection(int(sys.argv[1]))
sys.path[:] = driver.recv()
from nas.executors.worker import serve
serve(driver)
"""
STDERR = 2
LAST_SECONDS = 5.0


def local(work: Work, resources: Resources) -> Executor:
    """Return an executor on this machine: `resources.workers` processes, or none if that is 0."""
    return SerialExecutor(work, resources) if resources.workers == 0 else LocalExecutor(work, resources)


class ProcessWorker:
    """A fresh Python process, joined to this one by a pipe whose end, on either side, is the other's.

    It is a plain command, not a `multiprocessing` child: the driver's main module is not run again in it, so
    scripts need no guard and notebooks work; its thread variables are set before it loads a library; what it
    prints goes to stderr; and it is in a process group of its own, which Ctrl-C does not reach.
    """

    def __init__(self, setup: Setup, environment: Mapping[str, str]) -> None:
        self.connection, theirs = Pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", BOOT, str(theirs.fileno()), "sparsenas worker"],
            pass_fds=(theirs.fileno(), setup.descriptor),
            stdin=subprocess.DEVNULL,
            stdout=STDERR,
            env={**os.environ, **environment},
            process_group=0,
        )
        theirs.close()
        with suppress(OSError):  # it died already: the pipe says so when it is read
            self.connection.send(sys.path)
            self.connection.send_bytes(pickle.dumps(setup))

    def alive(self) -> bool:
        """Return whether the process has not ended."""
        return self._process.poll() is None

    def send(self, job: Job) -> None:
        """Give it a job; should it die first, `read` tells."""
        with suppress(OSError):
            self.connection.send_bytes(pickle.dumps(job))

    def read(self) -> Event:
        """Return what it says, or how it died."""
        try:
            event: Event = self.connection.recv()
            return event
        except (EOFError, OSError):
            return Died(self._post_mortem())

    def kill(self) -> None:
        """Kill the process, wait until it is gone, and close the pipe."""
        self._process.kill()
        self._process.wait()
        self.connection.close()

    def _post_mortem(self) -> str:
        try:
            code = self._process.wait(LAST_SECONDS)
        except subprocess.TimeoutExpired:
            return f"worker process {self._process.pid} closed its pipe and did not end"
        if code >= 0:
            return f"worker process {self._process.pid} ended with exit code {code}"
        hint = ", as the kernel does when memory runs out" if -code == signal.SIGKILL else ""
        return f"worker process {self._process.pid} was killed by {signal.Signals(-code).name}{hint}"


class LocalExecutor(Pool[ProcessWorker]):
    """Worker processes that share one copy of the payload and are replaced when they die."""

    def __init__(self, work: Work, resources: Resources) -> None:
        head, buffers = pack(work)
        self._shared = SharedFile(buffers)
        threads = resources.threads_each
        setup = Setup(head, self._shared.descriptor, self._shared.spans, threads, resources.gpus_per_trial)

        def hire(index: int) -> ProcessWorker:
            environment = dict.fromkeys(THREAD_VARIABLES, str(threads))
            if resources.devices:
                environment["CUDA_VISIBLE_DEVICES"] = resources.devices[index % len(resources.devices)]
            return ProcessWorker(setup, environment)

        super().__init__(hire, _poll, resources)

    def close(self) -> None:
        """End all worker processes and let the payload go; jobs still running are dropped."""
        super().close()
        self._shared.close()


def _poll(workers: Sequence[ProcessWorker], timeout: float | None) -> list[ProcessWorker]:
    by_pipe = {worker.connection: worker for worker in workers}
    return [by_pipe[pipe] for pipe in connection.wait(list(by_pipe), timeout)]  # type: ignore[index]
