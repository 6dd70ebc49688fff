"""Calls of the kernel: the arrays it reads and writes, and its share of the processor's threads."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from nas.training.population.compiled.build import library
from nas.training.population.members import Members
from nas.training.population.packing import Packed
from nas.training.population.workspace import Workspace

_CELLS = ("tanh", "relu", "gru", "lstm")
_INTEGERS = ("cell", "gates", "units", "letters", "classes", "strings", "steps", "total")


class _Own(threading.local):
    """What each thread that calls has of its own: memory from one step to the next, and how many threads it lends."""

    def __init__(self) -> None:
        self.space = Workspace()
        self.threads = 0


_OWN = _Own()


class Job(ctypes.Structure):
    """What `kernel.c` calls a Job, field by field."""

    _fields_: ClassVar[list[tuple[str, Any]]] = [
        *((name, ctypes.c_int32) for name in _INTEGERS),
        *((name, ctypes.c_void_p) for name in ("sizes", "codes", "targets")),
        *((name, ctypes.c_int64) for name in ("code_stride", "target_stride", "value_stride")),
        *((name, ctypes.c_void_p) for name in ("values", "gradient", "logits", "losses", "right")),
        ("smoothing", ctypes.c_float),
    ]


def fits(members: Members) -> bool:
    """Return whether the kernel takes these networks: they are float32 and on a CPU, and it could be compiled."""
    values = members.values
    return (
        values.device.type == "cpu"
        and values.dtype == torch.float32
        and members.sizes[0] < 255
        and library() is not None
    )


@contextmanager
def lent(members: Members) -> Iterator[None]:
    """Lend the kernel all of torch's threads for the block, and leave torch itself one, where the kernel fits.

    The threads of torch wait for work in a busy loop, on the very cores that the kernel's need: with both, two cores
    were slower than one for up to 64 networks.
    """
    threads = torch.get_num_threads()
    if threads == 1 or not fits(members):
        yield
        return
    _OWN.threads = threads
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        _OWN.threads = 0


def answers(members: Members, packed: Packed) -> Tensor:
    """Return the logits (N, B, C)."""
    return _run(members, packed, None, 0.0)[0]


def gradient(members: Members, packed: Packed, smoothing: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return each network's mean cross-entropy (N,), its right answers (N,) and the gradient (N, K) of all weights."""
    of_values = torch.empty_like(members.values)
    _, losses, right = _run(members, packed, of_values, smoothing)
    return losses, right, of_values


def _run(members: Members, packed: Packed, of_values: Tensor | None, smoothing: float) -> tuple[Tensor, Tensor, Tensor]:
    """Run the kernel on all networks, on as many threads as torch has, or has lent."""
    kernel = library()
    assert kernel is not None  # `fits` has said so
    letters, gates, units, classes = members.sizes
    count, strings = len(members), packed.targets.shape[1]
    values, codes, targets = members.values, packed.codes.contiguous(), packed.targets.contiguous()
    sizes = torch.tensor(packed.sizes, dtype=torch.int32)
    logits, losses = values.new_empty(count, strings, classes), values.new_empty(count)
    right = torch.empty(count, dtype=torch.int64)
    job = Job(
        _CELLS.index(members.cell), gates, units, letters, classes, strings, len(sizes), codes.shape[1],
        sizes.data_ptr(), codes.data_ptr(), targets.data_ptr(),
        codes.stride(0) if len(codes) > 1 else 0, targets.stride(0) if len(targets) > 1 else 0, values.stride(0),
        values.data_ptr(), None if of_values is None else of_values.data_ptr(), logits.data_ptr(), losses.data_ptr(),
        right.data_ptr(), smoothing,
    )  # fmt: skip
    threads = max(1, min(_OWN.threads or torch.get_num_threads(), count))
    ends = [count * part // threads for part in range(threads + 1)]
    scratch = _OWN.space("scratch", (threads, kernel.sparsenas_scratch(ctypes.byref(job))), values)

    def part(number: int) -> None:
        kernel.sparsenas_run(ctypes.byref(job), ends[number], ends[number + 1], scratch[number].data_ptr())

    if threads == 1:
        part(0)
    else:
        others = [_pool(threads - 1).submit(part, number) for number in range(1, threads)]
        part(0)  # ctypes lets go of the interpreter's lock
        for other in others:
            other.result()
    return logits, losses, right


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="sparsenas-population")
