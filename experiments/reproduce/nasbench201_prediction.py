"""How well structure alone orders the cells of NAS-Bench-201, from 32, 128 and 1,000 trained ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from experiments.benchmarks.table import Table
from experiments.reproduce.nasbench201_methods import columns_of, predictions
from experiments.reproduce.nasbench201_summary import summarised
from experiments.reproduce.nasbench201_table import CellTable, load_cells
from predictors import Predictor
from predictors.evaluation import Split, learning_splits, unseen_class_splits
from predictors.models.model import Floats

SIZES = (32, 128, 1000)
DRAWS = 20
TESTED = 3000
FEW = 5
"""Draws in which intervals are measured: each takes eleven fits."""

_CHEAP = 128

Row = dict[str, Any]


@dataclass
class _Cells:
    """The table and the feature sets, computed when first asked for."""

    table: CellTable

    @cached_property
    def columns(self) -> tuple[list[str], dict[str, Floats]]:
        return columns_of(self.table)


@dataclass(frozen=True)
class _Work:
    """One training set of one protocol in one draw."""

    protocol: str
    size: int
    draw: int


def nasbench201_prediction(
    folder: Path,
    say: Callable[[str], None],
    sizes: Sequence[int] = SIZES,
    draws: int = DRAWS,
    table: CellTable | None = None,
) -> Table:
    """Return Kendall's tau-b with CIFAR-10 validation accuracy, for each protocol, training size, draw and method.

    Protocols: "all" cells, 3,000 test cells drawn from all; "unseen": one test cell of each class of equal cells that
    no training cell belongs to, 3,000 at most; "proxies": the cells that have zero-cost proxies; "intervals": coverage
    and width of 90 % CV+ intervals of `Predictor("mixture", scale="log_error")` on the cells of "all". Training sets
    of one draw are nested, its test cells the same; all methods of a draw see the same cells.

    Finished work is kept in `folder` line by line: the same command takes up where it was stopped.

    Source: Dong and Yang 2020, arXiv 2001.00326 (the table); Kadlecova et al. 2024, arXiv 2404.16551 (GRAF).
    """
    cells = _Cells(load_cells() if table is None else table)
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "nasbench201_prediction.jsonl"
    done = _read(kept)
    for work in _works(sizes, draws):
        key = (work.protocol, work.size, work.draw)
        if key not in done:
            done[key] = list(_measured(cells, work, sizes))
            with kept.open("a") as lines:
                lines.write(json.dumps({"work": key, "rows": done[key]}) + "\n")
            say(_line(work, done[key]))
    wanted = {(work.protocol, work.size, work.draw) for work in _works(sizes, draws)}
    rows = [row for key, found in sorted(done.items()) if key in wanted for row in found]
    return Table(
        "nasbench201_prediction",
        f"NAS-Bench-201, CIFAR-10 validation accuracy at 200 epochs; {draws} draws, up to {TESTED} test cells; "
        f"intervals: {min(FEW, draws)} draws; one thread",
        rows,
        summarised(rows),
    )


def _works(sizes: Sequence[int], draws: int) -> Iterator[_Work]:
    """Cheap work first, and draw by draw, so that what is there is balanced at any moment."""
    small, large = [size for size in sizes if size <= _CHEAP], [size for size in sizes if size > _CHEAP]
    for some in (small, large):
        for draw in range(draws):
            yield from (_Work(protocol, size, draw) for size in some for protocol in ("all", "unseen", "proxies"))
        for draw in range(min(FEW, draws)):
            yield from (_Work("intervals", size, draw) for size in some)


def _measured(cells: _Cells, work: _Work, sizes: Sequence[int]) -> Iterator[Row]:
    table, (names, columns) = cells.table, cells.columns
    split, chosen = _split(table, work, sizes)
    accuracy = table.validation[chosen]
    columns = {name: values[chosen] for name, values in columns.items()}
    base = {"protocol": work.protocol, "size": work.size, "draw": work.draw, "tested": len(split.test)}
    if work.protocol == "intervals":
        yield {**base, **_interval_figures(names, columns["recipe"], accuracy, split)}
        return
    found = predictions(names, columns, accuracy, split, work.protocol == "proxies")
    for method, predicted in found.items():
        tau = float(kendalltau(predicted, accuracy[split.test]).statistic)
        yield {**base, "method": method, "kendall": tau, "coverage": None, "width": None}


def _split(table: CellTable, work: _Work, sizes: Sequence[int]) -> tuple[Split, np.ndarray]:
    """Return the split and the cells that its numbers count."""
    rng = np.random.default_rng([2026, work.draw])
    chosen = np.arange(len(table))
    tested = min(TESTED, len(table) // 3)
    if work.protocol == "proxies":
        chosen = np.flatnonzero(np.isfinite(table.proxies).all(axis=1))
    if work.protocol == "unseen":
        splits = unseen_class_splits(table.classes.tolist(), sizes, tested, rng)
    else:
        splits = learning_splits(len(chosen), sizes, tested, rng)
    return next(split for split in splits if split.name == str(work.size)), chosen


def _interval_figures(names: Sequence[str], x: Floats, accuracy: Floats, split: Split) -> Row:
    rows = [dict(zip(names, values, strict=True)) for values in x.tolist()]
    predictor = Predictor("mixture", scale="log_error")
    predictor.fit([rows[i] for i in split.train], accuracy[split.train].tolist())
    predicted = predictor.predict([rows[i] for i in split.test])
    truth = accuracy[split.test]
    tau = kendalltau([p.accuracy for p in predicted], truth).statistic
    return {
        "method": "mixture",
        "kendall": float(tau),
        "coverage": float(np.mean([p.lower <= y <= p.upper for p, y in zip(predicted, truth, strict=True)])),
        "width": float(np.mean([p.upper - p.lower for p in predicted])),
    }


def _read(kept: Path) -> dict[tuple[str, int, int], list[Row]]:
    done: dict[tuple[str, int, int], list[Row]] = {}
    for line in kept.read_text().splitlines() if kept.exists() else ():
        try:
            found: Mapping[str, Any] = json.loads(line)
        except ValueError:  # a line that a kill cut short: its work is done again
            continue
        protocol, size, draw = found["work"]
        done[protocol, size, draw] = found["rows"]
    return done


def _line(work: _Work, rows: Sequence[Row]) -> str:
    best = next((row for row in rows if row["method"] == "rank mix"), rows[-1])
    cover = "" if best["coverage"] is None else f", {best['coverage']:.3f} covered, {best['width']:.4f} wide"
    return f"{work.protocol}, {work.size} cells, draw {work.draw}: {best['method']} {best['kendall']:.3f}{cover}"
