"""Measurements of what this project does, against the plain way of doing it, in the same run.

A benchmark is a function of a folder for its files and a line printer for its progress; it returns one Table.
`sparsenas bench NAME` prints the table and keeps it as NAME.json and NAME.csv; docs/results holds such files.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from experiments.benchmarks.curves import curves
from experiments.benchmarks.features import features
from experiments.benchmarks.fidelity import fidelity
from experiments.benchmarks.growth import growth
from experiments.benchmarks.hypervolume import hypervolume
from experiments.benchmarks.masks import masks
from experiments.benchmarks.memory import memory
from experiments.benchmarks.overhead import overhead
from experiments.benchmarks.pools import pools
from experiments.benchmarks.population import population
from experiments.benchmarks.resume import resume
from experiments.benchmarks.scale import scale
from experiments.benchmarks.screening import screening
from experiments.benchmarks.search import search
from experiments.benchmarks.sparse import sparse
from experiments.benchmarks.speed import training
from experiments.benchmarks.stacked import stacked
from experiments.benchmarks.steps import steps
from experiments.benchmarks.table import Table
from experiments.benchmarks.utilisation import utilisation
from experiments.benchmarks.workers import executors

Benchmark: TypeAlias = Callable[[Path, Callable[[str], None]], Table]

BENCHMARKS: dict[str, Benchmark] = {
    "executors": executors,
    "features": features,
    "curves": curves,
    "fidelity": fidelity,
    "growth": growth,
    "hypervolume": hypervolume,
    "masks": masks,
    "memory": memory,
    "overhead": overhead,
    "population": population,
    "pools": pools,
    "resume": resume,
    "scale": scale,
    "screening": screening,
    "search": search,
    "sparse": sparse,
    "stacked": stacked,
    "steps": steps,
    "training": training,
    "utilisation": utilisation,
}
