"""One timing of `prune`, made in a process of its own."""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_BATCH = 100
_ENOUGH_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Job:
    """What to time: a method of `METHODS`, or "sort" or "topk" of all weights."""

    network: str
    method: str
    density: float
    rounds: int = 1
    repeats: int = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """Each call's seconds, and the peak of resident memory above that before the first."""

    weights: int
    cpu_seconds: tuple[float, ...]
    elapsed_seconds: tuple[float, ...]
    peak_bytes: int

    @property
    def seconds(self) -> float:
        """Median CPU seconds of a call."""
        return statistics.median(self.cpu_seconds)


def measured(job: Job) -> Measured:
    """Return the job's figures; repeated up to `job.repeats` times, or until 3 CPU seconds are spent."""
    import torch

    torch.set_num_threads(1)
    _call(Job("lenet5", job.method, 0.5))()  # what is imported or built at a first call is no method's cost
    call = _call(job)
    _forget_peak()
    before = _peak_bytes()
    cpu: list[float] = []
    elapsed: list[float] = []
    while len(cpu) < job.repeats and sum(cpu) < _ENOUGH_SECONDS:
        start, clock = time.process_time(), time.perf_counter()
        weights = call()
        cpu.append(time.process_time() - start)
        elapsed.append(time.perf_counter() - clock)
    return Measured(weights, tuple(cpu), tuple(elapsed), _peak_bytes() - before)


def _call(job: Job) -> Callable[[], int]:
    """Return what is timed; it returns the number of prunable weights."""
    import torch

    from nas.seeds import stream
    from pruning import METHODS, Evidence, Sparsity, prunable, prune
    from search_spaces import NETWORKS

    network = NETWORKS[job.network]
    module = network.build(network.signature, stream(0, "init"))
    if job.method not in METHODS:
        return _floor(torch.cat([weight.detach().flatten() for weight in prunable(module).values()]), job)
    size = sum(weight.numel() for weight in prunable(module).values())
    shape, images = network.signature.input_shape, stream(0, "evidence")
    inputs = torch.randn(_BATCH, *shape, generator=images)
    targets = torch.arange(_BATCH) % network.signature.classes
    sparsity = Sparsity(job.method, job.density, rounds=job.rounds)

    def call() -> int:
        prune(module, sparsity, Evidence(shape, stream(0, "mask"), inputs, targets))
        return size

    return call


def _floor(weights: Tensor, job: Job) -> Callable[[], int]:
    """Return a call that sorts the flat weights, or selects the top ones."""
    if job.method == "sort":
        return lambda: len(weights.sort().values)

    def call() -> int:
        weights.topk(round(job.density * len(weights)), sorted=False)
        return len(weights)

    return call


def _forget_peak() -> None:
    """Let the peak be what is resident now, where the system can (Linux); elsewhere the first call's stands."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_bytes() -> int:
    """Return the process's peak of resident memory so far."""
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB
