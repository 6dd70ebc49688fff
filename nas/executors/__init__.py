"""Where trials run: in processes on this machine, on Ray, or together. One file each, one line in the table below."""

from collections.abc import Callable

from nas.executors.executor import BatchRunner, Executor, Job, Resources, Runner, Work, cores
from nas.executors.local import local
from nas.executors.population import population
from nas.executors.ray import ray

EXECUTORS: dict[str, Callable[[Work, Resources], Executor]] = {
    "local": local,
    "population": population,
    "ray": ray,
}

__all__ = [
    "EXECUTORS",
    "BatchRunner",
    "Executor",
    "Job",
    "Resources",
    "Runner",
    "Work",
    "cores",
    "local",
    "population",
    "ray",
]
