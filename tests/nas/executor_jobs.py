"""What the workers of the executor tests run: the candidate is the name of a behaviour and its arguments."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nas.executors import Job
from nas.outcomes import Failure, Outcome


def outcome(value: float, number: int = 1) -> Outcome:
    return Outcome(value, (), 0, 0.0, kept=number, total=number, multiply_adds=0)


def make_runner(settings: Any, payload: Any) -> Callable[[Job], Outcome | Failure]:
    def run(job: Job) -> Outcome | Failure:
        behaviour: Any = job.candidate
        name, *arguments = behaviour
        return BEHAVIOURS[name](settings, payload, *arguments)

    return run


def broken_runner(settings: Any, payload: Any) -> Callable[[Job], Outcome | Failure]:
    raise FileNotFoundError("no data set here\nsecond line")


def dying_runner(settings: Any, payload: Any) -> Callable[[Job], Outcome | Failure]:
    os._exit(7)


def train(settings: Any, payload: Any, seed: int) -> Outcome:
    """A few steps of gradient descent on the payload: floating-point work whose bits depend on the threads."""
    import torch

    inputs, targets = torch.as_tensor(payload["inputs"]).float(), torch.as_tensor(payload["targets"])
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(inputs.shape[1], 10, generator=generator).requires_grad_()
    for _ in range(5):
        loss = torch.nn.functional.cross_entropy(inputs @ weight, targets)
        (gradient,) = torch.autograd.grad(loss, weight)
        weight = (weight - 0.1 * gradient).detach().requires_grad_()
    return outcome(float(loss.detach()), torch.get_num_threads())


def describe(settings: Any, payload: Any) -> Outcome:
    return outcome(float(payload["array"].sum()) + settings["offset"], os.getpid())


def fail(settings: Any, payload: Any) -> Outcome:
    raise RuntimeError("first line\nsecond line")


def starve(settings: Any, payload: Any) -> Outcome:
    raise MemoryError


def starve_torch(settings: Any, payload: Any) -> Outcome:
    raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte")


def starve_device(settings: Any, payload: Any) -> Outcome:
    import torch

    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")


def be_killed(settings: Any, payload: Any) -> Outcome:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def leave(settings: Any, payload: Any) -> Outcome:
    os._exit(3)


def hang(settings: Any, payload: Any, path: str) -> Outcome:
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)
    raise AssertionError


def beat(settings: Any, payload: Any, path: str) -> Outcome:
    """Leave a sign of life every 50 ms, for ever."""
    while True:
        Path(path).write_text(f"{os.getpid()} {time.time()}")
        time.sleep(0.05)


def speak(settings: Any, payload: Any) -> Outcome:
    print("a worker's print")
    sys.stdout.flush()
    return outcome(0.0)


def nap(settings: Any, payload: Any, seconds: float) -> Outcome:
    time.sleep(seconds)
    return outcome(seconds)


def meet(settings: Any, payload: Any, mine: str, theirs: str) -> Outcome:
    """Show up, and wait until the other has: two such jobs end only if they run side by side."""
    Path(mine).touch()
    for _ in range(600):
        if Path(theirs).exists():
            return outcome(1.0)
        time.sleep(0.05)
    raise TimeoutError("the other job never came")


BEHAVIOURS: dict[str, Callable[..., Outcome | Failure]] = {
    f.__name__: f
    for f in (
        *(train, describe, fail, starve, starve_torch, starve_device),
        *(be_killed, leave, hang, beat, speak, nap, meet),
    )
}
