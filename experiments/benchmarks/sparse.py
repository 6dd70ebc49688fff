"""Dense against compressed sparse rows against compacted: milliseconds and bytes over densities, and break-even."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from experiments.benchmarks.table import Table

SIDES = (512, 1024, 2048, 4096)
DENSITIES = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
LINEAR_BATCHES = (1, 128)

NETWORKS = {"lenet_300_100": (1, 128), "resnet20": (1, 128), "mobilenet_v2": (1, 32), "vgg16": (1, 32)}
"""Network -> batch sizes; at 128 a call of the last two takes a second."""
METHODS = (("random", "erk", 1), ("magnitude", "global", 1), ("synflow", "global", 10), ("phew", "global", 1))
"""Method, allocation and rounds."""
NETWORK_DENSITIES = (0.5, 0.1, 0.02, 0.01)


@dataclass(frozen=True, slots=True)
class Row:
    """One layer or network at one density and batch size; None where a form does not exist.

    Attributes:
        part: "linear" or "networks".
        name: "1024x1024", or the network.
        method: that made the mask; density: the kept fraction; batch: input vectors or images.
        dense_ms, csr_ms, compacted_ms, compacted_csr_ms: median CPU milliseconds of a call on one thread. CSR forms
            of a network have CSR in those linear layers where it won its own timing, and are None if it won in none.
        dense_bytes, csr_bytes, compacted_bytes, compacted_csr_bytes: on disk, safetensors.
        weights_left: weights of the compacted network, zeros included, as a share of all.
        connected: whether the mask leaves a way from input to output. If not, the network's output is a constant, and
            its speed is no speed-up: it is in no ratio of the summary.
    """

    part: str
    name: str
    method: str
    density: float
    batch: int
    dense_ms: float
    csr_ms: float | None
    compacted_ms: float | None
    compacted_csr_ms: float | None
    dense_bytes: int
    csr_bytes: int
    compacted_bytes: int | None
    compacted_csr_bytes: int | None
    weights_left: float | None
    connected: bool | None = None


def sparse(folder: Path, say: Callable[[str], None]) -> Table:
    """Return latency and size of linear layers and networks, dense, as CSR and compacted, and draw the ratios.

    Each line's forms are timed in turn, in the same rounds, by the CPU seconds of one thread: those of the wall
    clock on an idle machine. Networks have initial weights. A killed run goes on where it was.
    """
    from experiments.benchmarks.sparse_figure import draw
    from experiments.report.figures.canvas import render
    from experiments.reproduce.resumed import resumed

    def measure(part: str) -> list[dict[str, Any]]:
        found = measured(part)
        for row in found:
            say(_told(row))
        return [asdict(row) for row in found]

    rows = [Row(**row) for row in resumed(folder / "sparse.jsonl", parts(), measure, lambda line: None)]
    (folder / "sparse.png").write_bytes(render(lambda: draw(rows), "png"))
    return Table("sparse", _protocol(), [asdict(row) for row in rows], summarised(rows))


def parts() -> list[str]:
    """Return what is measured piece by piece: "linear SIDE", and "NETWORK METHOD DENSITY"."""
    masks = [f"{name} {method[0]} {d:g}" for name in NETWORKS for method in METHODS for d in NETWORK_DENSITIES]
    return [*(f"linear {side}" for side in SIDES), *masks]


def measured(part: str) -> list[Row]:
    """Return the rows of one of `parts`, measured on one thread of this process."""
    import torch

    name, *rest = part.split(" ")

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return list(_linear(int(rest[0])) if name == "linear" else _network(name, rest[0], float(rest[1])))
    finally:
        torch.set_num_threads(threads)


def _linear(side: int) -> Iterator[Row]:
    import torch
    from torch import nn

    from nas.seeds import stream
    from pruning import Evidence, Sparsity, prune
    from pruning.compaction import CSRLinear, csr_bytes, dense_bytes, interleaved

    layer = nn.Linear(side, side, device="meta").to_empty(device="cpu").requires_grad_(False)
    for parameter in layer.parameters():
        parameter.normal_(0.0, side**-0.5, generator=stream(0, "init"))
    for density in DENSITIES:
        masks = prune(layer, Sparsity("random", density), Evidence((side,), stream(0, "mask")))
        csr = CSRLinear(layer.weight, masks["weight"], layer.bias)
        sizes = dense_bytes(layer), csr_bytes(layer, masks)
        for batch in LINEAR_BATCHES:
            inputs = torch.randn(batch, side, generator=stream(0, "inputs"))
            ways = {"dense": _call(layer, inputs), "csr": _call(csr, inputs)}
            found = {name: 1000 * value for name, value in interleaved(ways, seconds=0.1).items()}
            yield Row(
                "linear", f"{side}x{side}", "random", density, batch, found["dense"], found["csr"], None, None,
                *sizes, None, None, None,
            )  # fmt: skip


def _call(network: Callable[[Any], object], inputs: Any) -> Callable[[], object]:
    return lambda: network(inputs)


def _network(name: str, method: str, density: float) -> Iterator[Row]:
    from experiments.compacting import compare
    from nas.seeds import stream
    from pruning import Evidence, Sparsity, prune
    from pruning.compaction import compact
    from search_spaces import NETWORKS as EVERY

    shape = EVERY[name].signature.input_shape
    module = EVERY[name].build(EVERY[name].signature, stream(0, "init"))
    allocation, rounds = next((allocation, rounds) for known, allocation, rounds in METHODS if known == method)
    sparsity = Sparsity(method, density, allocation, rounds=rounds)
    masks = prune(module, sparsity, Evidence(shape, stream(0, "mask")))
    small = compact(module, masks, shape)
    batches = NETWORKS[name]
    found = compare(
        module, masks, small, shape,
        batches=batches, seconds=0.2, least=3, with_masked=False, with_control=False, zipped=False,
    )  # fmt: skip
    forms = {form.name: form for form in found.forms}
    for batch in batches:
        taken = {key: 1000 * form.seconds[batch] for key, form in forms.items() if batch in form.seconds}
        yield Row(
            part="networks",
            name=name,
            method=method,
            density=density,
            batch=batch,
            dense_ms=taken["dense"],
            csr_ms=taken.get("masked + CSR"),
            compacted_ms=taken["compacted"],
            compacted_csr_ms=taken.get("compacted + CSR"),
            dense_bytes=forms["dense"].bytes or 0,
            csr_bytes=forms["masked"].csr_bytes or 0,
            compacted_bytes=forms["compacted"].bytes,
            compacted_csr_bytes=forms["compacted"].csr_bytes,
            weights_left=small.masks.total / masks.total,
            connected=small.connected,
        )


def summarised(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the break-even densities of CSR, and the ratios of dense to compacted time and bytes."""
    linear = [row for row in rows if row.part == "linear"]
    curves = {f"{name}, batch {batch}": _curve(linear, name, batch) for name, batch in _keys(linear)}
    every = [row for row in rows if row.part == "networks"]
    networks = [row for row in every if row.connected is not False]
    return {
        "csr_breaks_even_at_density": {name: break_even(curve) for name, curve in curves.items()},
        "times_as_fast_compacted": {
            _label(row): round(row.dense_ms / row.compacted_ms, 2) for row in networks if row.compacted_ms
        },
        "times_as_fast_where_nothing_was_cut": _range(
            [row.dense_ms / row.compacted_ms for row in networks if row.compacted_ms and row.weights_left == 1.0]
        ),
        "times_smaller_compacted": {
            _label(row): round(row.dense_bytes / row.compacted_bytes, 2)
            for row in networks
            if row.compacted_bytes and row.batch == 1
        },
        "constants_whose_speed_means_nothing": list(
            dict.fromkeys(f"{row.name}, {row.method} {row.density:g}" for row in every if row.connected is False)
        ),
    }


def break_even(curve: Mapping[float, float]) -> float | None:
    """Return the density at which the ratio of dense to CSR time crosses 1; None if it is below 1 at the least density.

    Args:
        curve: density -> ratio. Interpolated in the logarithms of both; from the low densities up, the first
            crossing. A ratio above 1 at all densities gives the largest.
    """
    points = sorted(curve.items())
    if points[0][1] < 1:
        return None
    for (low, above), (high, below) in pairwise(points):
        if below < 1:
            share = math.log(above) / (math.log(above) - math.log(below))
            return round(math.exp(math.log(low) + share * (math.log(high) - math.log(low))), 3)
    return points[-1][0]


def _range(ratios: Sequence[float]) -> dict[str, float]:
    """Return least, median and largest ratio of networks that are the same: the scatter of these timings."""
    if not ratios:
        return {}
    ends = min(ratios), statistics.median(ratios), max(ratios)
    return {name: round(value, 2) for name, value in zip(("least", "median", "largest"), ends, strict=True)}


def _keys(rows: Sequence[Row]) -> list[tuple[str, int]]:
    return list(dict.fromkeys((row.name, row.batch) for row in rows))


def _curve(rows: Sequence[Row], name: str, batch: int) -> dict[float, float]:
    return {r.density: r.dense_ms / r.csr_ms for r in rows if (r.name, r.batch) == (name, batch) and r.csr_ms}


def _label(row: Row) -> str:
    return f"{row.name}, {row.method} {row.density:g}, batch {row.batch}"


def _told(row: Row) -> str:
    told = [f"{_label(row)}: dense {row.dense_ms:.3g} ms"]
    for name in ("csr", "compacted", "compacted_csr"):
        value = getattr(row, f"{name}_ms")
        told += [f"{name} {value:.3g} ms"] if value is not None else []
    told += ["a constant: its mask cuts it through"] if row.connected is False else []
    return ", ".join(told)


def _protocol() -> str:
    return (
        "medians of interleaved calls, CPU milliseconds of one thread; linear layers with random masks; networks with "
        "their initial weights, random images of the size of their own data; SynFlow in 10 rounds"
    )
