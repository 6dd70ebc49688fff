"""Where trials run: in processes on this machine, or on Ray. One file each, one line in the table below."""

from collections.abc import Callable

from nas.executors.executor import Executor, Job, Resources, Runner, Work, cores
from nas.executors.local import local
from nas.executors.ray import ray

EXECUTORS: dict[str, Callable[[Work, Resources], Executor]] = {
    "local": local,
    "ray": ray,
}

__all__ = ["EXECUTORS", "Executor", "Job", "Resources", "Runner", "Work", "cores", "local", "ray"]
