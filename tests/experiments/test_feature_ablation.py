"""Which groups of features matter: changes are paired, and what carries the target is found."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.reproduce.ablations.cells import best_column, cell_rows, judged
from experiments.reproduce.ablations.graphs import graph_rows
from experiments.reproduce.nasbench201_table import CellTable
from experiments.reproduce.reber_structure import GRAPH_GROUPS, Networks
from search_spaces.cell_graph import all_cells, function_key


def test_changes_are_paired_over_draws() -> None:
    found = {"all columns": [0.5, 0.7, 0.6], "only a": [0.4, 0.6, 0.5]}
    whole, part = judged("t", "all columns", found)
    assert (whole["change"], whole["low"], whole["high"]) == (0, 0, 0)
    assert part["figure"] == pytest.approx(0.5)
    assert part["low"] == pytest.approx(-0.1) and part["high"] == pytest.approx(-0.1)  # the same loss in every draw


def test_the_best_column_is_the_one_that_orders_the_targets() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 4))
    x[:, 1] = 3.0
    assert best_column(x, -np.exp(x[:, 2])) == 2


def test_cells_are_judged_by_every_choice_of_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accuracy counts 3x3 convolutions, which the counts among `structure` know: without it the order is lost."""
    rng = np.random.default_rng(0)
    genes = tuple(all_cells()[i] for i in rng.choice(15625, 220, replace=False))
    numbers: dict[tuple[object, ...], int] = {}
    classes = np.array([numbers.setdefault(function_key(cell), len(numbers)) for cell in genes])
    accuracy = np.array([0.6 + 0.05 * cell.count(3) for cell in genes]) + 0.005 * rng.normal(size=220)
    monkeypatch.setattr("experiments.reproduce.ablations.cells.SIZE", 60)
    monkeypatch.setattr("experiments.reproduce.ablations.cells.TESTED", 100)
    rows = list(cell_rows(CellTable(genes, classes, accuracy, np.zeros((220, 13))), draws=2))
    groups = ("structure", "meanfield", "sequences")
    expected = ["all columns", *(f"{what} {group}" for group in groups for what in ("without", "only")), "one column"]
    assert [row["columns"] for row in rows] == expected
    found = {row["columns"]: row["figure"] for row in rows}
    assert found["all columns"] > 0.6 and found["only structure"] > found["only meanfield"]


def test_graphs_are_judged_by_every_choice_of_groups() -> None:
    """The target is a column of `routes`: without that group R^2 falls, alone it has it all."""
    rng = np.random.default_rng(1)
    names = [f"{group}/{i}" for group in GRAPH_GROUPS for i in range(3)]
    x = rng.normal(size=(60, len(names)))
    y = 0.5 + 0.05 * x[:, names.index("routes/1")] + 0.002 * rng.normal(size=60)
    networks = Networks(y, np.empty((60, 0)), [], x, names)
    found = {row["columns"]: row for row in graph_rows("gru", networks)}
    assert found["only routes"]["figure"] > 0.8 > found["all columns"]["figure"]
    assert found["without routes"]["high"] < 0 < found["only routes"]["low"]
    assert found["one column"]["figure"] > 0.8
    assert len(found) == 2 + 2 * len(GRAPH_GROUPS)
