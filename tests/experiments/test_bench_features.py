"""The benchmark of the features: that both sides compute the same figures, and that its rows are complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.benchmarks.features import features as bench_features
from experiments.benchmarks.networkx_figures import networkx_figures
from predictors import Graph, graph_features


def test_rows_are_complete_and_the_figures_are_networkxs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    module = sys.modules["experiments.benchmarks.features"]
    for name, value in {
        "TIMED": ("lenet5", "resnet20", "resnet18"),
        "SIZES": (12,),
        "REPEATS": 1,
        "BATCH": 300,
    }.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.delenv("SPARSENAS_DATA", raising=False)
    table = bench_features(tmp_path, lambda line: None)
    assert [row["kind"] for row in table.rows] == ["network"] * 3 + ["graph"] + ["predictions"] * 4
    (graph,) = (row for row in table.rows if row["kind"] == "graph")
    assert graph["difference"] < 1e-9
    assert graph["times_faster"] == pytest.approx(graph["networkx_milliseconds"] / graph["milliseconds"])  # one repeat
    assert table.summary["resnet20_milliseconds"] > 0


def test_networkx_has_most_of_the_figures() -> None:
    graph = Graph(4, [(0, 2), (1, 2), (2, 3), (1, 3)])  # type: ignore[arg-type]
    ours, theirs = graph_features(graph), networkx_figures(graph)
    assert set(theirs) <= set(ours)
    assert len([name for name in theirs if name.startswith(("undirected/", "routes/", "spectrum/"))]) > 35
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, abs=1e-9), name
