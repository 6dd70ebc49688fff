"""How often 90 % intervals hold what they should, and how wide they are, on every table there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.table import Table
from experiments.reproduce.masks.contestants import CONTESTANTS
from experiments.reproduce.masks.protocol import held_out_intervals as of_groups
from experiments.reproduce.masks.rows import published
from experiments.reproduce.masks.sparse_masks import OURS
from experiments.reproduce.masks.zoo import CLASSES
from experiments.reproduce.nasbench201_methods import columns_of
from experiments.reproduce.nasbench201_table import CellTable, load_cells
from experiments.reproduce.published import published_file
from experiments.reproduce.reber_structure import MODES, folds, own_model, read_networks
from experiments.reproduce.resumed import resumed
from predictors.conformal import CrossConformal, cross_conformal
from predictors.evaluation import learning_splits, over_draws
from predictors.folds import grouped_folds, row_keys
from predictors.models import MODELS
from predictors.models.model import Floats
from predictors.targets import log_error

SIZES = (32, 128)
DRAWS = 8
TESTED = 1000
COVERAGE = 0.9

Row = dict[str, Any]


def intervals(folder: Path, say: Callable[[str], None]) -> Table:
    """Return the share covered by 90 % intervals and their mean width: CV+ and centred, as they are and scaled.

    Centred are those of `CrossConformal.bounds` without plus; scaled are residuals in units of the deviation that the
    model expects, where it tells rows apart.

    Cells of NAS-Bench-201: the recipe's mixture on log error, 8 draws of 32 and 128 cells, judged by 1,000 others; once
    more by those of them that equal no cell of the draw, as the folds promise. Recurrent networks on graphs: for each
    network from the folds it is not in. Pruned CNNs: whole methods or networks held out, and left out for the folds.
    Finished parts are kept in `folder`/intervals.jsonl. About 4 minutes of one core.
    """
    parts: dict[str, Callable[[], list[Row]]] = {}
    cells: list[tuple[list[str], Floats, CellTable]] = []

    def loaded() -> tuple[list[str], Floats, CellTable]:
        if not cells:
            table = load_cells()
            names, columns = columns_of(table)
            cells.append((names, columns["recipe"], table))
        return cells[0]

    for draw in range(DRAWS):
        parts[f"nasbench201 {draw}"] = lambda draw=draw: list(_cell_rows(*loaded(), draw))  # type: ignore[misc]
    for mode, file in MODES.items():
        parts[f"reber {file}"] = lambda mode=mode, file=file: list(_reber_rows(mode, file))  # type: ignore[misc]
    for dataset in CLASSES:
        parts[f"sparse masks {dataset}"] = lambda dataset=dataset: list(_mask_rows(dataset))  # type: ignore[misc]
    found = list(resumed(folder / "intervals.jsonl", parts, lambda part: parts[part](), say))
    protocol = f"90 % intervals; nasbench201: means over {DRAWS} draws, {TESTED} test cells, t intervals at 95 %"
    rows = list(_summed(found))
    return Table("intervals", protocol, rows, {f"{r['table']}, {r['kind']}": r["coverage"] for r in rows})


def _cell_rows(names: Sequence[str], x: Floats, table: CellTable, draw: int) -> Iterator[Row]:
    rng = np.random.default_rng([2029, draw])
    for split in learning_splits(len(table), SIZES, TESTED, rng):
        train, truth = x[split.train], table.validation[split.test]
        scale = log_error(table.validation[split.train])
        keys = row_keys(train)
        fold = grouped_folds(keys, 10, np.random.default_rng(0))
        y = scale.forward(table.validation[split.train])
        fitted = cross_conformal(lambda: MODELS["mixture"](names, 0, 1), train, y, fold, settle=lambda v: v)
        new = np.array([key not in set(keys) for key in row_keys(x[split.test])])
        for kind, (lower, upper) in _ends(fitted, x[split.test]).items():
            low, high = scale.ends(lower, upper)
            for judged, rows in (("all", np.ones_like(new)), ("new", new)):
                name = f"nasbench201, {split.name} cells, {judged} test cells"
                yield {"table": name, "kind": kind, **_figures(low[rows], high[rows], truth[rows])}


def _ends(fitted: CrossConformal, x: Floats) -> dict[str, tuple[Floats, Floats]]:
    """Return the ends of each kind of interval that the same fits give."""
    plain = CrossConformal(fitted.models, fitted.folds, fitted.residuals, fitted.predictions)
    found = {"CV+": plain.bounds(x, COVERAGE), "centred": plain.bounds(x, COVERAGE, plus=False)}
    if fitted.expected is not None:
        found["CV+, scaled"] = fitted.bounds(x, COVERAGE)
        found["centred, scaled"] = fitted.bounds(x, COVERAGE, plus=False)
    return found


def _reber_rows(mode: str, file: str) -> Iterator[Row]:
    graphs = published_file("reber", "graphs.jsonl")
    networks = read_networks(published_file("reber", f"structure_{file}.csv"), graphs, mode)
    x, y = networks.own, networks.accuracies
    fold = folds(len(y), 0)
    ends: dict[str, Floats] = {}
    for number in range(int(fold.max()) + 1):
        out = fold == number
        inner = folds(int((~out).sum()), 1 + number)
        fitted = cross_conformal(lambda: own_model(networks), x[~out], y[~out], inner)
        for kind, found in _ends(fitted, x[out]).items():
            ends.setdefault(kind, np.empty((2, len(y))))[:, out] = np.clip(found, 0.0, 1.0)
    for kind, (lower, upper) in ends.items():
        yield {"table": f"reber, {file}", "kind": kind, **_figures(lower, upper, y)}


def _mask_rows(dataset: str) -> Iterator[Row]:
    runs = published(published_file("sparse_masks", "sparse_masks.csv"), dataset)
    for protocol, groups in (("method", runs.methods), ("network", runs.models)):
        for kind, plus in (("CV+", True), ("centred", False)):
            lower, upper = of_groups(CONTESTANTS[OURS](runs), runs.accuracies, groups, COVERAGE, plus)
            name = f"sparse masks, {dataset}, {protocol} held out"
            yield {"table": name, "kind": kind, **_figures(lower, upper, runs.accuracies)}


def _figures(lower: Floats, upper: Floats, truth: Floats) -> dict[str, float]:
    inside = (lower <= truth) & (truth <= upper)
    widths = upper - lower
    return {"coverage": float(inside.mean()), "width": float(widths.mean()), "median_width": float(np.median(widths))}


def _summed(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the mean over draws of each table and kind, with the interval of the coverage."""
    for table, kind in dict.fromkeys((row["table"], row["kind"]) for row in rows):
        here = [row for row in rows if (row["table"], row["kind"]) == (table, kind)]
        coverage = over_draws([row["coverage"] for row in here])
        ends = (coverage.low, coverage.high) if len(here) > 1 else ("", "")
        figures = {name: float(np.mean([row[name] for row in here])) for name in ("coverage", "width", "median_width")}
        yield {"table": table, "kind": kind, "draws": len(here), **figures, "low": ends[0], "high": ends[1]}
