"""The reproduction of targets inside random masks: its rows, its formula by hand, its files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from experiments.reproduce.random_embedding import TARGET, formula, random_embedding, row_of

HOME = sys.modules[row_of.__module__]


def test_the_formula_by_hand() -> None:
    """60 weights lead to each copy of the hidden layer, 30 to the outputs; each finds no edge with (1 - p)^copies."""
    hidden, inputs = 3, 4
    expected = (1 - 0.5**inputs) ** (60 * hidden) * (1 - 0.5**hidden) ** 30
    assert TARGET == (6, 10, 3)
    assert formula((inputs, hidden), 0.5) == pytest.approx(expected)


def test_wide_sources_hold_the_target_and_narrow_ones_do_not() -> None:
    wide, narrow = row_of(0.5, 2.0, 5), row_of(0.5, 0.2, 5)
    assert (wide["successes"], narrow["successes"]) == (5, 0)
    assert wide["predicted"] > 0.999 > 0.01 > narrow["predicted"]
    assert wide["largest_error"] < 1e-10
    assert (wide["copies_of_inputs"], wide["copies_of_hidden"]) == (30, 20)


def test_it_leaves_a_table_and_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HOME, "SHARES", (0.5, 1.0))
    monkeypatch.setattr(HOME, "DENSITIES", (0.7, 0.5))
    table = random_embedding(tmp_path, lambda line: None, trials=3)
    assert [(row["density"], row["share"]) for row in table.rows] == [(0.7, 0.5), (0.7, 1.0), (0.5, 0.5), (0.5, 1.0)]
    assert set(table.summary["success_at_formula"]) == {"0.7", "0.5"}
    assert (tmp_path / "random_embedding.png").read_bytes().startswith(b"\x89PNG")
