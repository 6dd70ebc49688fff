"""What an executor is: slots that turn jobs into results, and on which no failure is an exception."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from nas.errors import NasError
from nas.outcomes import Failure, Outcome
from nas.stage import Stage

if TYPE_CHECKING:
    from nas.candidates import Candidate


@dataclass(frozen=True, slots=True)
class Job:
    """A candidate to train, under the number of its record.

    `stage` says how far (None: to the end), `half_batch` whether in half batches, as whole ones did not fit in memory.
    """

    identity: int
    candidate: Candidate
    stage: Stage | None = None
    half_batch: bool = False


Runner: TypeAlias = Callable[[Job], Outcome | Failure]
BatchRunner: TypeAlias = Callable[[Sequence[Job]], list[Outcome | Failure]]
"""Jobs -> their results, in the jobs' order."""


@dataclass(frozen=True)
class Work:
    """What every worker does: `make_runner(settings, payload)` once, at its start, then the runner on each job.

    Args:
        make_runner: a function at the top level of an importable module (workers look it up by its name).
        settings: small and picklable.
        payload: the data set, or anything else with large tensors and arrays in it. They are laid down once
            and every worker on the machine reads the same memory, so a runner must not write to them; moving
            them to a GPU copies, staying on the CPU need not.
        make_batch_runner: the same for jobs that are done together (executor "population" only).
    """

    make_runner: Callable[[Any, Any], Runner]
    settings: Any = None
    payload: Any = None
    make_batch_runner: Callable[[Any, Any], BatchRunner] | None = None


@dataclass(frozen=True)
class Resources:
    """How much of the machine or cluster the jobs may use at a time.

    Args:
        workers: jobs at a time; 0 runs them in this process, one after the other (executor "local" only).
        threads: torch threads of each worker; by default the machine's cores are shared out evenly.
        gpus_per_trial: share of a GPU that each worker holds. Below one, its memory is capped to that share
            of the device. Ray counts the shares and gives out devices; it hides the GPUs from workers that
            ask for none. The local executor leaves the device to the settings and `devices`.
        time_limit_seconds: a trial ends itself at this limit; one that does not is killed after
            the grace (workers=0 cannot kill it).
        grace_seconds: how long after the limit.
        address: a running Ray cluster ("auto", "host:port"); None starts one on this machine.
        devices: CUDA devices for the local executor; worker i sees only `devices[i % len(devices)]`.
        batch: jobs that the executor "population" does together; it has no workers.

    Raises:
        NasError: a number is out of its range.
    """

    workers: int = 1
    threads: int | None = None
    gpus_per_trial: float = 0.0
    time_limit_seconds: float | None = None
    grace_seconds: float = 15.0
    address: str | None = None
    devices: tuple[str, ...] = ()
    batch: int = 32

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise NasError(f"workers must be 0 or more; got {self.workers}. 0 runs trials in the main process.")
        if self.threads is not None and self.threads < 1:
            raise NasError(f"threads must be 1 or more; got {self.threads}. Leave it out to share out the cores.")
        if self.batch < 1:
            raise NasError(f"batch must be 1 or more; got {self.batch}. It is the number of trials trained together.")
        gpus = self.gpus_per_trial
        if not math.isfinite(gpus) or gpus < 0 or (gpus > 1 and gpus != int(gpus)):
            raise NasError(f"gpus-per-trial must be in [0, 1] or whole; got {gpus}. 0.25 puts four on a GPU.")
        if self.time_limit_seconds is not None and not self.time_limit_seconds > 0:
            raise NasError(f"time-limit must be above 0 seconds; got {self.time_limit_seconds}. Leave it out.")

    @property
    def threads_each(self) -> int:
        """Torch threads of each worker: what was asked for, or an even share of this machine's cores."""
        return self.threads if self.threads is not None else max(1, cores() // max(1, self.workers))


class Executor(Protocol):
    """Slots that run jobs; `local` and `ray` give the same results for the same jobs and threads."""

    slots: int

    def submit(self, job: Job) -> None:
        """Hand in a job; it starts as soon as a slot is free and waits its turn until then."""

    def wait(self) -> list[tuple[Job, Outcome | Failure]]:
        """Return jobs that have ended, each once, after waiting for at least one; [] if none was handed in.

        Raises:
            NasError: the workers cannot start, so no job would ever end.
        """

    def close(self) -> None:
        """End all workers and everything else this executor started; jobs still running are dropped."""


def cores() -> int:
    """Return how many cores this process may use: its affinity, and its control group's quota if any."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(allowed, int(quota) // int(period)))
    except (OSError, ValueError):  # no control group, or "max": no quota
        return allowed
