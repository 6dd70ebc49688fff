"""Jobs in this process, many at a time as one program, where the work knows how to do them together."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from nas.errors import NasError
from nas.executors.executor import Executor, Job, Resources, Work, cores
from nas.executors.guard import guarded
from nas.executors.worker import limit_threads
from nas.outcomes import Failure, Outcome


def population(work: Work, resources: Resources) -> Executor:
    """Return an executor with `resources.batch` slots and no workers.

    Raises:
        NasError: the work has no `make_batch_runner`.
    """
    return PopulationExecutor(work, resources)


class PopulationExecutor:
    """`wait` runs all jobs that were handed in, together; one that crashes the interpreter takes it along."""

    def __init__(self, work: Work, resources: Resources) -> None:
        if work.make_batch_runner is None:
            raise NasError("executor 'population' must be given work for many jobs at a time; got none. Use 'local'.")
        limit_threads(resources.threads or cores())
        self.slots = resources.batch
        self._together = work.make_batch_runner(work.settings, work.payload)
        self._alone = guarded(lambda job: self._together([job])[0])
        self._queue: deque[Job] = deque()

    def submit(self, job: Job) -> None:
        """Hand in a job; it runs in `wait`."""
        self._queue.append(job)

    def wait(self) -> list[tuple[Job, Outcome | Failure]]:
        """Run the oldest jobs, one for each slot, and return them with their results; [] if there is none."""
        jobs = [self._queue.popleft() for _ in range(min(self.slots, len(self._queue)))]
        return list(zip(jobs, self._results(jobs), strict=True)) if jobs else []

    def _results(self, jobs: Sequence[Job]) -> list[Outcome | Failure]:
        with suppress(Exception):  # nobody knows whose it was; alone, that job fails and the others do not
            return self._together(jobs)
        return [self._alone(job) for job in jobs]

    def close(self) -> None:
        """Drop the jobs that have not run."""
        self._queue.clear()
