"""The problems a network can be searched for. A task is one file here and one line in `TASKS`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nas.errors import NasError
from nas.tasks.augment import Augmentation
from nas.tasks.cifar10 import cifar10
from nas.tasks.digits import digits
from nas.tasks.measure import Measure
from nas.tasks.mnist import mnist
from nas.tasks.nasbench201 import nasbench201
from nas.tasks.reber import reber, reber_embedded, reber_next, reber_published
from nas.tasks.tabular import TabularTask
from nas.tasks.task import Normalisation, Split, Task
from pruning.naming import unknown
from search_spaces.architecture import Signature

__all__ = [
    "SIGNATURES",
    "TASKS",
    "Augmentation",
    "Measure",
    "Normalisation",
    "Split",
    "TabularTask",
    "Task",
    "load_task",
]

TASKS: dict[str, Callable[[Path | None], Task]] = {
    "digits": digits,
    "mnist": mnist,
    "cifar10": cifar10,
    "nasbench201": nasbench201,
    "reber": reber,
    "reber_embedded": reber_embedded,
    "reber_next": reber_next,
    "reber_published": reber_published,
}

SIGNATURES: dict[str, Signature] = {
    "digits": Signature((1, 8, 8), 10),
    "mnist": Signature((1, 28, 28), 10),
    "cifar10": Signature((3, 32, 32), 10),
    "nasbench201": Signature((3, 32, 32), 10),
    "reber": Signature((25, 7), 2),
    "reber_embedded": Signature((25, 7), 2),
    "reber_next": Signature((25, 7), 9),
    "reber_published": Signature((53, 26), 2),
}
"""What a task's networks take and return, known without reading its data."""


def load_task(name: str, data: Path | None = None) -> Task:
    """Return the task of that name, on the CPU, its files looked for in the folder `data`.

    Raises:
        NasError: no such task, or its data are missing or broken.
    """
    if name not in TASKS:
        raise NasError(unknown("task", name, TASKS))
    return TASKS[name](data)
