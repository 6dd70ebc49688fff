"""Accuracy of statically pruned CNNs from their masks alone, whole methods and whole networks held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from experiments.benchmarks.table import Table
from experiments.reproduce.masks.ablation import ablation
from experiments.reproduce.masks.contestants import CONTESTANTS
from experiments.reproduce.masks.protocol import (
    held_out,
    held_out_intervals,
    noise_ceiling,
    other_seeds,
    paired_cells,
    scores,
    within,
)
from experiments.reproduce.masks.rows import Published, published
from experiments.reproduce.masks.zoo import CLASSES
from experiments.reproduce.published import published_file
from nas.seeds import numpy_stream
from predictors.models.model import Floats

OURS, BASELINE = "two stages, own features", "XGBoost, the table's 18 columns"
PROTOCOLS = ("method", "network")


def sparse_masks(folder: Path, say: Callable[[str], None]) -> Table:
    """Predict the accuracy of pruned CNNs from masks, whole methods and networks held out, beside the published way.

    Cunegatti et al. 2024 (arXiv 2305.16886): 717 runs of six static methods on four networks at five sparsities. Each
    predictor is fitted without a method (or a network) and predicts it; `cell` is the mean Spearman correlation over
    the 20 settings of network and sparsity. Draws predicted against measured accuracy with 90 % intervals.
    """
    from experiments.report.figures.canvas import render
    from experiments.reproduce.masks.figure import draw

    table = published_file("sparse_masks", "sparse_masks.csv")
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    panels: list[tuple[str, Published, Floats, Floats, Floats]] = []
    for dataset in CLASSES:
        runs = published(table, dataset)
        summary[f"{dataset}, runs"] = len(runs.cells)
        summary[f"{dataset}, networks left out for want of masks"] = list(runs.left_out)
        rows += _ceilings(runs, dataset)
        for protocol in PROTOCOLS:
            found = dict(_contest(runs, protocol))
            rows += [_row(dataset, protocol, name, found[name], runs) for name in found]
            lower, upper = _intervals(runs, protocol)
            rows[-1] |= _covered(runs, lower, upper)
            panels.append((f"{dataset}, {protocol} held out", runs, found[OURS], lower, upper))
            summary[f"{dataset}, {protocol} held out, ours less the baseline"] = _gain(runs, found)
            say(f"{dataset}, {protocol} held out: cell {rows[-1]['cell']:.3f}, MAE {rows[-1]['mae']:.4f}")
    rows += [row for dataset in CLASSES for row in ablation(published(table, dataset), dataset)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sparse_masks.png").write_bytes(render(lambda: draw(panels), "png"))
    return Table("sparse_masks", _protocol(), rows, summary)


def _contest(runs: Published, protocol: str) -> Iterator[tuple[str, Floats]]:
    for name, contestant in CONTESTANTS.items():
        yield name, held_out(contestant(runs), _groups(runs, protocol))


def _groups(runs: Published, protocol: str) -> Any:
    return runs.methods if protocol == "method" else runs.models


def _intervals(runs: Published, protocol: str) -> tuple[Floats, Floats]:
    return held_out_intervals(CONTESTANTS[OURS](runs), runs.accuracies, _groups(runs, protocol))


def _row(dataset: str, protocol: str, name: str, predicted: Floats, runs: Published) -> dict[str, Any]:
    found = scores(runs.accuracies, predicted, runs.settings, runs.methods).as_row()
    return {"dataset": dataset, "held_out": protocol, "predictor": name, **found, "coverage": "", "width": ""}


def _covered(runs: Published, lower: Floats, upper: Floats) -> dict[str, float]:
    inside = (lower <= runs.accuracies) & (runs.accuracies <= upper)
    return {"coverage": float(inside.mean()), "width": float((upper - lower).mean())}


def _gain(runs: Published, found: Mapping[str, Floats]) -> dict[str, float]:
    ours, theirs = (within(runs.accuracies, found[name], runs.settings) for name in (OURS, BASELINE))
    mean, low, high = paired_cells(ours, theirs)
    return {"mean": mean, "low": low, "high": high, "settings_won": int((ours > theirs).sum())}


def _ceilings(runs: Published, dataset: str) -> Iterator[dict[str, Any]]:
    blank = dict.fromkeys(("r2", "mae", "spearman", "cell", "cell_low", "cell_high", "cell_of_means"), "")
    rng = numpy_stream(0, f"ceiling/{dataset}")
    ceiling = noise_ceiling(runs.accuracies, runs.settings, runs.methods, rng)
    head = {"dataset": dataset, "held_out": "nothing", "coverage": "", "width": ""}
    yield {**head, "predictor": "noise ceiling: true method means", **blank, "cell": ceiling}
    others = other_seeds(runs.accuracies, runs.settings, runs.methods)
    yield {**head, "predictor": "the other two seeds of the run", **_figures(runs, others)}


def _figures(runs: Published, predicted: Floats) -> dict[str, Any]:
    found = scores(runs.accuracies, predicted, runs.settings, runs.methods).as_row()
    return {**found, "cell_of_means": ""}


def _protocol() -> str:
    return (
        "published accuracies of er, erk, uniform, snip, grasp, synflow on Conv-6, ResNet-20, ResNet-32 and WRN-28-2; "
        "own features: means over our own masks of the same cell; cell: mean Spearman over 20 settings, t interval at "
        "95 %; 90 % intervals by CV+ with groups for folds"
    )
