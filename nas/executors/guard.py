"""The last net under a runner: whatever it raises becomes a Failure, so that its worker lives on."""

from __future__ import annotations

import gc
import sys
import time

from nas.executors.executor import Job, Runner
from nas.outcomes import Failure, FailureKind, Outcome

MEMORY_MESSAGES = ("out of memory", "can't allocate memory", "cannot allocate memory")


def guarded(runner: Runner) -> Runner:
    """Return `runner` with exceptions turned into failures, those for want of memory told apart."""

    def run(job: Job) -> Outcome | Failure:
        start = time.perf_counter()
        try:
            return runner(job)
        except Exception as error:  # a worker must outlive any job
            kind: FailureKind = "out_of_memory" if _is_out_of_memory(error) else "exception"
            failure = Failure(kind, one_line(error), time.perf_counter() - start)
        if failure.error == "out_of_memory":
            _release_memory()  # here the exception is gone, and with it the frames that held the tensors
        return failure

    return run


def one_line(error: BaseException) -> str:
    """Return an exception as one line of at most 300 characters: its type and its first line."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {first}"[:300] if first else type(error).__name__


def _release_memory() -> None:
    """Give what the failed job held back to the device, for the next one."""
    gc.collect()
    if "torch" in sys.modules and sys.modules["torch"].cuda.is_initialized():
        sys.modules["torch"].cuda.empty_cache()


def _is_out_of_memory(error: Exception) -> bool:
    """Return whether memory ran out; torch has a class of its own for it on CUDA, only words on the CPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError | OSError) and any(m in str(error).lower() for m in MEMORY_MESSAGES)
