"""Seconds and memory of every pruning method: by the number of weights, by density, and against one sort."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from experiments.benchmarks.masks_process import Job, Measured, measured
from experiments.benchmarks.table import Table

NETWORKS = ("resnet20", "resnet18", "vgg19")
FLOORS = ("sort", "topk")
DENSITY = 0.1
DENSITIES = (0.5, 0.2, 0.107, 0.05, 0.02, 0.01)
ROUNDS = 100
WALKS = ("vgg19", 0.107)
"""Network and density at which the published PHEW takes hours."""


@dataclass(frozen=True, slots=True)
class Row:
    """One method on one network.

    Attributes:
        part: "methods" at one density, "density" over densities, "rounds" for iterated pruning.
        network, weights: which network, and its prunable weights.
        method: name in METHODS, or in FLOORS: a sort, or a topk, of all weights in their own precision.
        density, rounds: of the sparsity.
        seconds: median CPU seconds of one call on one thread.
        least_seconds, elapsed_seconds: the quickest call's; median by the clock on the wall.
        peak_mib: peak resident memory above that just before the first call.
        sorts: `seconds` in sorts of the same network's weights.
    """

    part: str
    network: str
    weights: int
    method: str
    density: float
    rounds: int
    seconds: float
    least_seconds: float
    elapsed_seconds: float
    peak_mib: float
    sorts: float


def masks(folder: Path, say: Callable[[str], None]) -> Table:
    """Return seconds and peak memory of each pruning method on three networks, and draw how they grow.

    Each line is measured in a fresh process of one thread that has pruned a small network before, so that neither
    imports nor another method's memory count. Data-driven methods see one batch of 100 images. CPU seconds (user
    and system) are those of the wall clock on an idle machine; both are in the table.
    """
    from experiments.benchmarks.masks_figure import draw
    from experiments.report.figures.canvas import render

    rows: list[Row] = []
    sorts: dict[str, float] = {}
    for part, job in _jobs():
        found = _apart(job)
        if job.method == "sort":
            sorts[job.network] = found.seconds
        rows.append(_row(part, job, found, sorts[job.network]))
        say(
            f"{job.network}, {job.method}, density {job.density}: {rows[-1].seconds:.3f} s, {rows[-1].peak_mib:.0f} MiB"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "masks.png").write_bytes(render(lambda: draw(rows), "png"))
    return Table("masks", _protocol(), [asdict(row) for row in rows], summarised(rows))


def _jobs() -> Iterator[tuple[str, Job]]:
    from pruning import METHODS

    for network in NETWORKS:
        for floor in FLOORS:
            yield "methods", Job(network, floor, DENSITY)
        for method in METHODS:
            yield "methods", Job(network, method, DENSITY)
    for network in NETWORKS:
        for density in DENSITIES:
            yield "density", Job(network, "phew", density)
    for method in METHODS:
        if method != "phew":
            for density in (DENSITIES[0], DENSITIES[-1]):
                yield "density", Job(NETWORKS[0], method, density)
    for network in NETWORKS[:2]:
        yield "rounds", Job(network, "synflow", DENSITY, ROUNDS, repeats=1)


def _apart(job: Job) -> Measured:
    """Measure in a new process, so that its peak memory is this job's own."""
    context = get_context("forkserver")
    context.set_forkserver_preload([measured.__module__])  # imports once, in a server that measures nothing itself
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measured, job).result()


def _row(part: str, job: Job, found: Measured, sort: float) -> Row:
    return Row(
        part=part,
        network=job.network,
        weights=found.weights,
        method=job.method,
        density=job.density,
        rounds=job.rounds,
        seconds=found.seconds,
        least_seconds=min(found.cpu_seconds),
        elapsed_seconds=statistics.median(found.elapsed_seconds),
        peak_mib=found.peak_bytes / 2**20,
        sorts=found.seconds / sort,
    )


def summarised(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the figures that have an aim, and how each method's seconds grow with weights (exponent of a power)."""
    at = {(row.part, row.network, row.method, row.density): row for row in rows}
    largest = {
        name: {net: round(at["methods", net, name, DENSITY].sorts, 3) for net in NETWORKS}
        for name in ("random", "magnitude")
    }
    return {
        "sorts_of_random": largest["random"],
        "sorts_of_magnitude": largest["magnitude"],
        "phew_seconds_vgg19_density_0.107": at["density", WALKS[0], "phew", WALKS[1]].seconds,
        "synflow_100_rounds_seconds_resnet18": at["rounds", "resnet18", "synflow", DENSITY].seconds,
        "growth_with_weights": _growth(at),
        "growth_with_density": _growth_with_density(at),
        "phew_seconds_by_density_vgg19": {
            f"{density:g}": round(at["density", "vgg19", "phew", density].seconds, 3) for density in DENSITIES
        },
    }


def _growth(at: Mapping[tuple[str, str, str, float], Row]) -> dict[str, float]:
    """Return method -> exponent between the smallest and the largest network: 1 is linear in the weights."""
    found = {}
    for part, network, method, density in at:
        if (part, network) == ("methods", NETWORKS[0]):
            small, large = at[part, network, method, density], at[part, NETWORKS[-1], method, density]
            grown = math.log(large.seconds / small.seconds) / math.log(large.weights / small.weights)
            found[method] = round(grown, 2)
    return found


def _growth_with_density(at: Mapping[tuple[str, str, str, float], Row]) -> dict[str, float]:
    """Return method -> seconds at the largest density over those at the smallest, on the smallest network."""
    high, low = ({key[2]: at[key] for key in at if key[0] == "density" and key[1::2] == (NETWORKS[0], density)}
                 for density in (DENSITIES[0], DENSITIES[-1]))  # fmt: skip
    return {method: round(row.seconds / low[method].seconds, 2) for method, row in high.items()}


def _protocol() -> str:
    return (
        f"density {DENSITY} unless said; medians of CPU seconds, one thread, one fresh process for each line; "
        f"SynFlow also with {ROUNDS} rounds; PHEW at six densities, "
        f"the others at {DENSITIES[0]:g} and {DENSITIES[-1]:g} on {NETWORKS[0]}"
    )
