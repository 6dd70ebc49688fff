"""Jobs in this process, one after the other: for debuggers, and for machines that cannot start processes."""

from __future__ import annotations

from collections import deque

from nas.executors.executor import Job, Resources, Work
from nas.executors.guard import guarded
from nas.executors.worker import limit_threads
from nas.outcomes import Failure, Outcome


class SerialExecutor:
    """One slot without a worker behind it: a job that crashes the interpreter or never returns takes it along."""

    slots = 1

    def __init__(self, work: Work, resources: Resources) -> None:
        limit_threads(resources.threads_each)
        self._runner = guarded(work.make_runner(work.settings, work.payload))
        self._queue: deque[Job] = deque()

    def submit(self, job: Job) -> None:
        """Hand in a job; it runs in `wait`."""
        self._queue.append(job)

    def wait(self) -> list[tuple[Job, Outcome | Failure]]:
        """Run the oldest job and return it with its result; [] if there is none."""
        if not self._queue:
            return []
        job = self._queue.popleft()
        return [(job, self._runner(job))]

    def close(self) -> None:
        """Drop the jobs that have not run."""
        self._queue.clear()
