"""Slots with a worker behind each: queue, deadlines and the replacing of dead workers, for any transport."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

from nas.errors import NasError
from nas.executors.executor import Job, Resources
from nas.executors.worker import Broken, Ready
from nas.outcomes import Failure, FailureKind, Outcome

STARTS = 3
"""Workers that may die in a row before one is ready; then the machine is at fault, not the jobs."""


@dataclass(frozen=True, slots=True)
class Died:
    """The last word of a worker, spoken for it."""

    message: str
    error: FailureKind = "worker_died"


Event: TypeAlias = Ready | Broken | Died | Outcome | Failure


class Worker(Protocol):
    """One process or actor; it speaks once when it is set up, and once after each job."""

    def alive(self) -> bool:
        """Return False if the worker is known to be dead."""

    def send(self, job: Job) -> None:
        """Give it a job. It is set up and idle."""

    def read(self) -> Event:
        """Return what it says, without waiting; it was reported by `poll`."""

    def kill(self) -> None:
        """End it at once, and everything it holds."""


W = TypeVar("W", bound=Worker)


@dataclass
class _Slot(Generic[W]):
    index: int
    worker: W
    ready: bool = False
    starts: int = 1
    job: Job | None = None
    since: float = 0.0


class Pool(Generic[W]):
    """An executor over workers of one kind.

    Args:
        hire: starts the worker of a slot, without waiting until it is set up.
        poll: waits up to a number of seconds (None: for ever) for workers to speak and returns those that do.
        resources: number of slots and the time limit.
    """

    def __init__(
        self,
        hire: Callable[[int], W],
        poll: Callable[[Sequence[W], float | None], Sequence[W]],
        resources: Resources,
    ) -> None:
        self.slots = resources.workers
        self._hire = hire
        self._poll = poll
        self._limit = resources.time_limit_seconds
        self._grace = resources.grace_seconds
        self._queue: deque[Job] = deque()
        self._fault: NasError | None = None
        self._ended: list[tuple[Job, Outcome | Failure]] = []
        self._slots: list[_Slot[W]] = []
        for index in range(self.slots):
            self._slots.append(_Slot(index, hire(index)))

    def submit(self, job: Job) -> None:
        """Hand in a job; it starts as soon as a slot is free and waits its turn until then."""
        self._queue.append(job)
        if self._fault is None:
            self._step(0.0)

    def wait(self) -> list[tuple[Job, Outcome | Failure]]:
        """Return jobs that have ended, each once, after waiting for at least one; [] if none was handed in.

        Raises:
            NasError: the workers cannot start, so no job would ever end.
        """
        while not self._ended and (self._queue or any(slot.job for slot in self._slots)):
            if self._fault is not None:
                raise self._fault
            self._step(None)
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """End all workers; jobs still running are dropped."""
        for slot in self._slots:
            slot.worker.kill()
        self._slots.clear()
        self._queue.clear()

    def _step(self, patience: float | None) -> None:
        """Start what can start, take in what workers say within `patience` seconds, enforce the time limit."""
        self._dispatch()
        slots = {id(slot.worker): slot for slot in self._slots}
        for worker in self._poll([slot.worker for slot in self._slots], self._timeout(patience)):
            self._hear(slots[id(worker)], worker.read())
        self._enforce_limit()
        self._dispatch()

    def _dispatch(self) -> None:
        for slot in self._slots:
            if self._queue and slot.ready and slot.job is None and slot.worker.alive():
                slot.job, slot.since = self._queue.popleft(), time.monotonic()
                slot.worker.send(slot.job)

    def _timeout(self, patience: float | None) -> float | None:
        """Return how long to wait: the caller's patience, but not beyond the next deadline."""
        deadlines = [self._deadline(slot) for slot in self._slots if slot.job is not None]
        if self._limit is None or not deadlines or patience == 0.0:
            return patience
        return max(0.0, min(deadlines) - time.monotonic())

    def _deadline(self, slot: _Slot[W]) -> float:
        return slot.since + (self._limit or 0.0) + self._grace

    def _hear(self, slot: _Slot[W], event: Event) -> None:
        if isinstance(event, Ready):
            slot.ready, slot.starts = True, 0
        elif isinstance(event, Broken):
            self._fault = NasError(
                f"a worker must be able to set up; got '{event.message}'. No trial can run without it."
            )
        elif isinstance(event, Died):
            self._end(slot, Failure(event.error, event.message, time.monotonic() - slot.since))
            self._replace(slot, event.message)
        else:
            self._end(slot, event)

    def _enforce_limit(self) -> None:
        for slot in self._slots:
            if self._limit is None or slot.job is None or time.monotonic() < self._deadline(slot):
                continue
            message = f"killed: did not end by itself at its limit of {self._limit:g} s"
            self._end(slot, Failure("time_limit", message, time.monotonic() - slot.since))
            self._replace(slot, message)

    def _end(self, slot: _Slot[W], result: Outcome | Failure) -> None:
        if slot.job is not None:
            self._ended.append((slot.job, result))
            slot.job = None

    def _replace(self, slot: _Slot[W], why: str) -> None:
        slot.worker.kill()
        if slot.starts >= STARTS:
            self._fault = NasError(
                f"a worker must be able to start; {STARTS} died in a row, the last: {why}. "
                f"Give it more memory, or run with --workers 0 to see more."
            )
            return
        slot.worker, slot.ready, slot.starts = self._hire(slot.index), False, slot.starts + 1
