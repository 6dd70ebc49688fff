"""The inside of a worker: set up once, then a job in, a result out, until the driver is gone."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from nas.executors.executor import Runner, Work
from nas.executors.guard import guarded, one_line
from nas.executors.memory import tidied
from nas.executors.payload import unpack
from nas.executors.shared import Span, mapped

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker's first word: it is set up and waits for a job."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A worker's first word when setting up raised; so would every other worker's."""

    message: str


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker process needs to become one: the packed Work, and where its buffers lie."""

    head: bytes
    descriptor: int
    spans: tuple[Span, ...]
    threads: int
    gpu_share: float


def prepare(head: bytes, buffers: Sequence[Any], threads: int, gpu_share: float) -> Runner:
    """Return the runner of a packed `Work`, its thread and GPU memory limits set."""
    work: Work = unpack(head, buffers)
    limit_threads(threads)
    _limit_gpu_memory(gpu_share)
    return tidied(guarded(work.make_runner(work.settings, work.payload)))


def limit_threads(threads: int) -> None:
    """Set torch's threads in this process, if it has torch (workers have the environment's limit besides)."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def _limit_gpu_memory(share: float) -> None:
    if 0.0 < share < 1.0:
        import torch

        if torch.cuda.is_available():
            torch.cuda.set_per_process_memory_fraction(share)


def serve(connection: Connection) -> None:
    """Answer jobs on `connection` until its other end is closed; then end at once, even within a job.

    The other end belongs to the driver and is closed by the kernel when the driver dies, however it dies, so
    no worker trains on for nobody.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's business
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, inbox), daemon=True).start()
    try:
        setup: Setup = pickle.loads(inbox.get())
        buffers = mapped(setup.descriptor, setup.spans)
        runner = prepare(setup.head, buffers, setup.threads, setup.gpu_share)
    except Exception as error:
        _send(connection, Broken(one_line(error)))
        return
    _send(connection, Ready())
    while True:
        _send(connection, runner(pickle.loads(inbox.get())))


def _receive(connection: Connection, inbox: queue.SimpleQueue[bytes]) -> None:
    try:
        while True:
            inbox.put(connection.recv_bytes())
    except (EOFError, OSError):
        os._exit(1)


def _send(connection: Connection, message: object) -> None:
    try:
        connection.send(message)
    except OSError:
        os._exit(1)
