"""The population benchmark runs, and counts what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.benchmarks.population import population


def test_the_population_benchmark_measures_all_ways(tmp_path: Path) -> None:
    lines: list[str] = []
    table = population(tmp_path, lines.append, sizes=(1, 3), repeats=1)
    assert [(row["cell"], row["networks"]) for row in table.rows] == [("tanh", 1), ("tanh", 3), ("gru", 1), ("gru", 3)]
    assert len(lines) == 4
    for row in table.rows:
        assert row["ratio"] == pytest.approx(row["network_steps_per_second"] / row["one_at_a_time"])
        assert 0 < row["share_of_bmm"] < 1.5
        assert row["lowest"] <= row["network_steps_per_second"] <= row["highest"]
