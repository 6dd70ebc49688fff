"""The page's tables: an arm a line, a mark a column, and the page's own copy of them."""

from __future__ import annotations

import csv
import importlib
import os
from pathlib import Path

import pytest

from experiments.benchmarks.search import ACQUISITION
from experiments.benchmarks.search_markdown import MARKS, tables

RESULTS = Path(__file__).parents[2] / "docs" / "results"


def row(strategy: str, queries: int, guide: str = "", acquisition: str = "", data_set: str = "A") -> dict[str, object]:
    return {
        "data_set": data_set,
        "strategy": strategy,
        "guide": guide,
        "acquisition": acquisition,
        "queries": queries,
        "regret": 0.0771,
        "regret_error": queries / 1000,
        "found": 0.5,
        "found_error": 0.1,
        "runs": 7,
    }


def test_an_arm_is_a_line_and_what_was_not_asked_is_a_dash() -> None:
    rows = [row("local_search", queries) for queries in (5, 20, 50, 75, 100, 150)]
    assert tables(rows, ACQUISITION).splitlines() == [
        "**A**",
        "",
        "| strategy | guide | runs | 20 | 50 | 75 | 100 | 150 | 300 |",
        "|---|---|---|---|---|---|---|---|---|",
        "| local search | none | 7 | 0.077 ± 0.020 / 0.50 | 0.077 ± 0.050 / 0.50 | 0.077 ± 0.075 / 0.50 "
        "| 0.077 ± 0.100 / 0.50 | 0.077 ± 0.150 / 0.50 | – |",
    ]


def test_an_acquisition_is_named_where_it_is_not_the_usual_one() -> None:
    rows = [
        row("evolution", 20, "trees", ACQUISITION),
        row("evolution", 20, "trees", "upper_confidence"),
        row("evolution", 20, "process or trees", ACQUISITION, data_set="B"),
    ]
    text = tables(rows, ACQUISITION)
    first, second = text.split("**B**")
    assert [line.split(" | ")[1] for line in first.splitlines()[4:6]] == ["trees", "trees, upper confidence"]
    assert "| evolution | process or trees | 7 |" in second


def test_the_page_has_the_tables_of_its_csv() -> None:
    with (RESULTS / "search.csv").open(newline="") as file:
        text = tables(list(csv.DictReader(file)), ACQUISITION)
    assert all(str(mark) in text for mark in MARKS)
    assert text == (RESULTS / "search_tables.md").read_text()
    page = (RESULTS / "search.md").read_text()
    for table in text.split("\n\n**"):
        assert table.strip("*\n") in page


def test_the_csv_follows_from_the_kept_runs(tmp_path: Path) -> None:
    if "SPARSENAS_DATA" not in os.environ:
        pytest.skip("needs SPARSENAS_DATA with nasbench201")
    module = importlib.import_module("experiments.benchmarks.search")
    (tmp_path / "search_runs.jsonl").write_bytes((RESULTS / "search_runs.jsonl").read_bytes())
    module.so_far(tmp_path).write(tmp_path)
    assert (tmp_path / "search.csv").read_text() == (RESULTS / "search.csv").read_text()
    assert (tmp_path / "search_tables.md").read_text() == (RESULTS / "search_tables.md").read_text()
