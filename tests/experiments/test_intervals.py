"""Coverage of intervals on all tables: what is counted, and that finished parts are kept."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from experiments.reproduce.nasbench201_methods import columns_of
from experiments.reproduce.nasbench201_table import CellTable
from search_spaces.cell_graph import all_cells, function_key

module = importlib.import_module("experiments.reproduce.intervals")  # not its function of that name


def test_shares_and_widths_by_hand() -> None:
    found = module._figures(np.array([0.1, 0.2, 0.3]), np.array([0.2, 0.6, 0.4]), np.array([0.2, 0.7, 0.3]))
    assert found == pytest.approx({"coverage": 2 / 3, "width": 0.6 / 3, "median_width": 0.1})


def test_draws_are_averaged_with_an_interval_and_single_figures_have_none() -> None:
    head = {"width": 0.1, "median_width": 0.1}
    rows = [{"table": "t", "kind": "plain", "coverage": share, **head} for share in (0.9, 0.8)]
    several, single = module._summed([*rows, {"table": "u", "kind": "plain", "coverage": 0.7, **head}])
    assert several["coverage"] == pytest.approx(0.85) and several["low"] < 0.8 < 0.9 < several["high"]
    assert (single["draws"], single["low"], single["high"]) == (1, "", "")


def test_cells_are_judged_with_and_without_their_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    genes = tuple(all_cells()[i] for i in rng.choice(15625, 200, replace=False))
    numbers: dict[tuple[object, ...], int] = {}
    classes = np.array([numbers.setdefault(function_key(cell), len(numbers)) for cell in genes])
    accuracy = np.array([0.6 + 0.05 * cell.count(3) for cell in genes]) + 0.01 * rng.normal(size=200)
    table = CellTable(genes, classes, accuracy, np.zeros((200, 13)))
    names, columns = columns_of(table)
    monkeypatch.setattr(module, "SIZES", (40,))
    monkeypatch.setattr(module, "TESTED", 100)
    rows = list(module._cell_rows(names, columns["recipe"], table, 0))
    assert [(row["kind"], row["table"].split(", ")[2]) for row in rows] == [
        (kind, f"{judged} test cells")
        for kind in ("CV+", "centred", "CV+, scaled", "centred, scaled")
        for judged in ("all", "new")
    ]
    assert all(0.6 < row["coverage"] <= 1 and 0 < row["width"] < 1 for row in rows)


def test_finished_parts_are_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"table": "t", "kind": "plain", "coverage": 0.9, "width": 0.1, "median_width": 0.1}
    monkeypatch.setattr(module, "DRAWS", 0)
    monkeypatch.setattr(module, "_reber_rows", lambda mode, file: iter([row | {"table": file}]))
    monkeypatch.setattr(module, "_mask_rows", lambda dataset: iter([row | {"table": dataset}]))
    first = module.intervals(tmp_path, lambda line: None)
    monkeypatch.setattr(module, "_reber_rows", None)
    again = module.intervals(tmp_path, lambda line: None)
    assert list(first.rows) == list(again.rows) and len(first.rows) == 5
