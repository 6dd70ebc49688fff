"""The benchmark of stacks compares what it says, on little."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.benchmarks.stacked import stacked


def test_both_ways_are_timed_for_each_size(tmp_path: Path) -> None:
    lines: list[str] = []
    table = stacked(tmp_path, lines.append, names=("graph_mlp 16x8",), sizes=(1, 2), repeats=1)
    assert [row["networks"] for row in table.rows] == [1, 2]
    for row in table.rows:
        assert row["ratio"] == pytest.approx(row["epochs_per_second"] / row["one_at_a_time"])
    assert len(lines) == 2
