"""Which groups of features matter on which table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.table import Table
from experiments.reproduce.ablations.cells import cell_rows
from experiments.reproduce.ablations.graphs import graph_rows
from experiments.reproduce.masks.ablation import PARTS
from experiments.reproduce.masks.contestants import ONE_COLUMN, monotone_on
from experiments.reproduce.masks.protocol import held_out, paired_cells, within
from experiments.reproduce.masks.rows import published
from experiments.reproduce.masks.zoo import CLASSES
from experiments.reproduce.nasbench201_table import load_cells
from experiments.reproduce.published import published_file
from experiments.reproduce.reber_structure import MODES, read_networks

DRAWS = 10

Row = dict[str, Any]


def feature_ablation(folder: Path, say: Callable[[str], None]) -> Table:
    """Return what each group of features is worth: left out, alone, and beside one column alone.

    Cells of NAS-Bench-201: Kendall's tau from 128 cells. Recurrent networks on graphs: R^2. Pruned CNNs: mean Spearman
    within settings, whole methods and whole networks held out. `change` is against all columns, with its 95 %
    interval. About 5 minutes of one core.
    """
    rows: list[Row] = []
    parts: list[tuple[str, Callable[[], Iterator[Row]]]] = [
        ("nasbench201", lambda: cell_rows(load_cells(), DRAWS)),
        ("sparse masks", _mask_rows),
        ("reber", _reber_rows),
    ]
    for name, measured in parts:
        rows += measured()
        say(f"{name}: measured")
    protocol = (
        f"nasbench201: process on 128 cells, tau on 1,000, {DRAWS} draws; sparse masks: two-stage model, Spearman "
        "within 20 settings; reber: mean of experts, R^2 of 3 times 10-fold; changes paired, 95 % intervals"
    )
    whole = {row["table"]: row["figure"] for row in rows if row["columns"] == "all columns"}
    return Table("feature_ablation", protocol, rows, whole)


def _mask_rows() -> Iterator[Row]:
    table = published_file("sparse_masks", "sparse_masks.csv")
    for dataset in CLASSES:
        runs = published(table, dataset)
        for protocol, groups in (("method", runs.methods), ("network", runs.models)):
            found = {
                choice: within(runs.accuracies, held_out(monotone_on(runs, columns), groups), runs.settings)
                for choice, columns in _choices()
            }
            for choice, cells in found.items():
                change, low, high = paired_cells(cells, found["all columns"])
                name = f"{dataset}, {protocol} held out"
                row = {"table": name, "columns": choice, "figure": float(np.mean(cells)), "change": change}
                yield row | {"low": low, "high": high}


def _choices() -> Iterator[tuple[str, Sequence[str]]]:
    every = [name for names in PARTS.values() for name in names]
    yield "all columns", _named(every)
    for part, names in PARTS.items():
        yield f"without {part}", _named([name for name in every if name not in names])
        yield f"only {part}", _named(names)
    yield "one column", [ONE_COLUMN]


def _named(names: Sequence[str]) -> list[str]:
    return [f"erk/over_{name}" for name in names]


def _reber_rows() -> Iterator[Row]:
    for mode, file in MODES.items():
        table = published_file("reber", f"structure_{file}.csv")
        yield from graph_rows(file, read_networks(table, published_file("reber", "graphs.jsonl"), mode))
