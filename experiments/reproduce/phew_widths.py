"""Layer widths and path kernels of PHEW against SynFlow and SynFlow-L2, with random masks beside them."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from experiments.benchmarks.table import Table
from experiments.reproduce.phew_widths_summary import summarised
from nas.seeds import stream
from predictors.structure import describe
from pruning import Evidence, MaskSet, Sparsity, prunable, prune
from pruning.flow import PATHS
from pruning.methods import RANKED
from pruning.rounds import Rounds
from pruning.schedules import steps
from search_spaces import NETWORKS, Signature

SUBJECTS = ("resnet20", "vgg19")
DENSITIES = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
ROUNDS = 100
ITERATED = ("synflow_l2", "synflow")
METHODS = ("phew", *ITERATED, "random, PHEW's layers", "random, ERK")


@dataclass(frozen=True, slots=True)
class Row:
    """One mask.

    Attributes:
        network, method, density, seed: which one.
        width: fraction of each layer's output units that lie on a way from input to output, mean over the layers.
        least_width: the smallest of these fractions: the bottleneck.
        log_kernel: log10 of the path kernel's trace, minus that of the dense network.
        log_paths: log10 of the number of input-output paths, minus that of the dense network.
        effective: fraction of the kept weights that lie on a way from input to output.
    """

    network: str
    method: str
    density: float
    seed: int
    width: float
    least_width: float
    log_kernel: float
    log_paths: float
    effective: float


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of one mask: its output units, and those on a way from input to output."""

    network: str
    method: str
    density: float
    seed: int
    layer: str
    units: int
    alive: int
    kept: int


def phew_widths(
    folder: Path,
    say: Callable[[str], None],
    seeds: Sequence[int] = range(5),
    networks: Sequence[str] = SUBJECTS,
) -> Table:
    """Return widths and path kernels of every mask on ResNet-20 and VGG-19; draw them, and list each layer's units.

    The finding: at one density PHEW's path kernel trace is near SynFlow-L2's, which is the highest, with much wider
    layers. The sceptic's masks: random ones with the layer densities of ERK, and with PHEW's own, which tell what
    is due to the paths and what to the layers' densities alone.

    Source: Patil and Dovrolis, PHEW, ICML 2021, arXiv 2010.11354, section 4; path kernel: Gebhart, Saxena and
    Schrater, 2021, arXiv 2101.10552.
    Differs from the paper: SynFlow and SynFlow-L2 pass each density on one way of 100 rounds down to the lowest,
    instead of on 100 rounds for each density; the trace is that of the graph of channels (weights summed over the
    kernel, no image), in which borders do not count.
    """
    from experiments.report.figures.canvas import render
    from experiments.reproduce.phew_widths_figure import draw

    rows: list[Row] = []
    layers: list[LayerRow] = []
    for network in networks:
        for seed in seeds:
            for row, its_layers in network_rows(network, seed):
                rows.append(row)
                layers += its_layers
            say(f"{network}, seed {seed}: {len(rows)} masks")
    folder.mkdir(parents=True, exist_ok=True)
    _write(layers, folder / "phew_widths_layers.csv")
    (folder / "phew_widths.png").write_bytes(render(lambda: draw(rows, layers), "png"))
    return Table(
        "phew_widths",
        f"{' and '.join(networks)}, He initialisation, {len(seeds)} seeds; SynFlow and SynFlow-L2 in {ROUNDS} rounds",
        [asdict(row) for row in rows],
        summarised(rows),
    )


def _write(layers: Sequence[LayerRow], path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(LayerRow)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(layer) for layer in layers)


def network_rows(
    network: str, seed: int, densities: Sequence[float] = DENSITIES, rounds: int = ROUNDS
) -> Iterator[tuple[Row, list[LayerRow]]]:
    """Yield a row and its layers for each method and density; the network and its weights depend on the seed alone."""
    reference = NETWORKS[network]
    module = reference.build(reference.signature, stream(seed, "init"))
    dense = _measured(module, reference.signature, None, (network, "dense", 1.0, seed), (0.0, 0.0))[0]
    base = dense.log_kernel, dense.log_paths
    for method, density, masks in _masks(module, reference.signature, seed, densities, rounds):
        yield _measured(module, reference.signature, masks, (network, method, density, seed), base)


def _masks(
    module: nn.Module, signature: Signature, seed: int, densities: Sequence[float], rounds: int
) -> Iterator[tuple[str, float, MaskSet]]:
    def evidence() -> Evidence:
        return Evidence(signature.input_shape, stream(seed, "mask"))

    for density in densities:
        walked = prune(module, Sparsity("phew", density), evidence())
        yield "phew", density, walked
        counts = tuple(walked.layer_densities().items())
        yield METHODS[3], density, prune(module, Sparsity("random", density, densities=counts), evidence())
        yield METHODS[4], density, prune(module, Sparsity("random", density, allocation="erk"), evidence())
    for method in ITERATED:
        for density, masks in on_the_way(module, method, evidence(), densities, rounds):
            yield method, density, masks


def on_the_way(
    module: nn.Module, method: str, evidence: Evidence, densities: Sequence[float], rounds: int
) -> Iterator[tuple[float, MaskSet]]:
    """Yield the masks of several densities from one iterated pruning down to the lowest of them.

    A density between two rounds is reached by one shorter step from the round before it, so each mask is that of
    an iterated pruning of its own with the same share removed in each round.
    """
    shapes = {name: weight.shape for name, weight in prunable(module).items()}
    total = sum(shape.numel() for shape in shapes.values())
    ranking = Rounds(RANKED[method](module, evidence), shapes, rounds, ties=0)
    wanted = sorted(((round(density * total), density) for density in densities), reverse=True)
    alive = torch.ones(total, dtype=torch.bool)
    for count in steps(total, wanted[-1][0], rounds, "exponential"):
        while wanted and wanted[0][0] >= count:
            target, density = wanted.pop(0)
            yield density, MaskSet(ranking.named(ranking.best(alive, target)))
        alive = ranking.best(alive, count) if wanted else alive


def _measured(
    module: nn.Module,
    signature: Signature,
    masks: Mapping[str, Tensor] | None,
    key: tuple[str, str, float, int],
    base: tuple[float, float],
) -> tuple[Row, list[LayerRow]]:
    structure = describe(module, masks or {}, signature.input_shape)
    flows = structure.flow.layers
    layers = []
    for layer, flow in zip(structure.layers, flows, strict=True):
        groups, outputs, _ = layer.counts.shape
        layers.append(LayerRow(*key, layer.name, groups * outputs, flow.alive_out, layer.kept))
    widths = [layer.alive / layer.units for layer in layers]
    kernel = float(np.logaddexp.reduce([flow.kernel for flow in flows])) / math.log(10)
    row = Row(
        *key,
        width=float(np.mean(widths)),
        least_width=min(widths),
        log_kernel=kernel - base[0],
        log_paths=float(structure.flow.logs[PATHS]) / math.log(10) - base[1],
        effective=sum(flow.effective for flow in flows) / float(structure.kept.sum()),
    )
    return row, layers
