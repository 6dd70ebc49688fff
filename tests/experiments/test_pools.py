"""The benchmark on lists of networks: every way to choose asks for each network once, so in the end it has them all."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np

from experiments.benchmarks.pools_markdown import tables

module = importlib.import_module("experiments.benchmarks.pools")


def pool(networks: int) -> object:
    rng = np.random.default_rng(1)
    features = rng.random((networks, 3))
    return module.Pool("toy", ("a/x", "a/y", "a/z"), features, 0.5 + 0.4 * features[:, 0] + 0.01 * rng.random(networks))


def test_each_way_has_the_best_once_it_has_asked_for_all(tmp_path: Path) -> None:
    table = module.measure(tmp_path, lambda line: None, [pool(module.MARKS[-1])], seeds=2)
    assert [row["queries"] for row in table.rows] == list(module.MARKS)
    for way in module.WAYS:
        regrets = [row[f"{way}_regret"] for row in table.rows]
        assert regrets == sorted(regrets, reverse=True)
        assert regrets[-1] == 0.0
    assert {name.split(" at ")[0] for name in table.summary} == {
        "toy: guided minus random",
        "toy: trees_thompson minus trees",
    }
    assert (tmp_path / "pools_tables.md").read_text().count("| toy | 40 |") == len(module.PAIRS)


def test_ways_differ_by_what_chooses() -> None:
    """On a list three times as long as a search each way asks for networks of its own, but for the first of them."""
    chosen = pool(3 * module.MARKS[-1])
    regrets = {way: module._regret(chosen, way, 0) for way in module.WAYS}
    assert len({tuple(regret) for regret in regrets.values()}) == len(module.WAYS)
    first = module.GuidanceSettings().minimum
    assert np.array_equal(regrets["trees"][:first], regrets["trees_thompson"][:first])


def test_a_table_has_both_ways_and_their_difference() -> None:
    rows = [
        {"pool": "toy", "networks": 9, "queries": queries, "random_regret": 2.0, "guided_regret": 1.0 / queries}
        for queries in (10, 20)
    ]
    summary = {"toy: guided minus random at 20": {"mean": -1.95, "low": -2.5, "high": 0.125}}
    assert tables(rows, summary, [("guided", "random")], 20).splitlines() == [
        "| list | networks | drawn at 10 / 20 | guided at 10 / 20 | difference at 20 (95 %) |",
        "|---|---|---|---|---|",
        "| toy | 9 | 2.00 / 2.00 | 0.10 / 0.05 | -1.95 (-2.50 to +0.12) |",
    ]


def test_the_page_has_the_tables_that_the_command_wrote() -> None:
    results = Path(__file__).parents[2] / "docs" / "results"
    page = (results / "search.md").read_text()
    assert all(table.strip() in page for table in (results / "pools_tables.md").read_text().split("\n\n"))
