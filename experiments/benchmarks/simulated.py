"""Executors without training: jobs last as long as they are said to, in virtual time, while the driver's is real."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable

from nas.executors import Job
from nas.outcomes import Failure, Outcome

Answer = Callable[[Job], tuple[float, Outcome | Failure]]
"""A job -> how many seconds it trains, and what comes of it."""


class Simulated:
    """`slots` workers in virtual time. The driver's CPU seconds between two calls pass on the same clock.

    CPU seconds, so that what else the machine does is not counted; waits for the disk are not counted either.

    Args:
        slots: workers.
        answer: what jobs do.

    Attributes:
        clock: virtual seconds since the start.
        spans: start and end of each finished job.
        last_submit: when the last job was handed in.
    """

    def __init__(self, slots: int, answer: Answer) -> None:
        self.slots = slots
        self.clock = 0.0
        self.spans: list[tuple[float, float]] = []
        self.last_submit = 0.0
        self._answer = answer
        self._running: list[tuple[float, int, float, Job, Outcome | Failure]] = []
        self._last = time.process_time()

    def submit(self, job: Job) -> None:
        """Start a job; a slot is free, as the search never has more in flight."""
        self._tick()
        seconds, result = self._answer(job)
        heapq.heappush(self._running, (self.clock + seconds, job.identity, self.clock, job, result))
        self.last_submit = self.clock

    def wait(self) -> list[tuple[Job, Outcome | Failure]]:
        """Return the jobs that have ended, after passing the time until the first of them does."""
        self._tick()
        if not self._running:
            return []
        self.clock = max(self.clock, self._running[0][0])
        ended = []
        while self._running and self._running[0][0] <= self.clock:
            end, _, start, job, result = heapq.heappop(self._running)
            self.spans.append((start, end))
            ended.append((job, result))
        return ended

    def close(self) -> None:
        """Drop what runs."""
        self._running.clear()

    def utilisation(self) -> float:
        """Return the share of worker time spent training, from the moment all slots were first filled to the last
        submission: before, the driver hands out the first jobs; after, there is nothing left to hand out.
        """
        first = sorted(start for start, _ in self.spans)[self.slots - 1]
        busy = sum(max(0.0, min(end, self.last_submit) - max(start, first)) for start, end in self.spans)
        return busy / (self.slots * (self.last_submit - first))

    def _tick(self) -> None:
        now = time.process_time()
        self.clock += now - self._last
        self._last = now
