"""From a file of measured graphs to a predictor, its picture, and the accuracy of a graph in a file; bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from experiments.reproduce.reber.measured import measured_graphs
from experiments.reproduce.reber.networks import networks
from experiments.reproduce.reber.run import Row
from predictors import Predictor, graph_features
from search_spaces.graphs import erdos_renyi
from tests.experiments.commands import run


def _lines(count: int = 40) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    graphs = [erdos_renyi(int(rng.integers(8, 20)), 4, rng) for _ in range(count)]
    return [
        {"kind": "er", "nodes": list(range(g.nodes)), "edges": g.edges, "acc": 0.3 + 0.03 * g.nodes} for g in graphs
    ]


def _written(file: Path, lines: list[dict[str, Any]]) -> Path:
    file.write_text("\n".join(map(json.dumps, lines)) + "\n")
    return file


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    return _written(tmp_path / "graphs.jsonl", _lines())


def test_graphs_fit_a_predictor_that_knows_a_graph_in_a_file(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, plot = tmp_path / "p", tmp_path / "new" / "plot.png"
    asked = ["fit-predictor", measured, "--target", "acc", "--model", "bayesian_ridge", "--out", out]
    found = run(capsys, *asked, "--evaluate", "--repeats", "1", "--plot", plot, "--json").json
    assert found["rows"] == 40 and found["r2"]["mean"] > 0.95
    assert set(found["baselines"]) == {"mean", "size_only"} and "counts" in found["importance"]
    with Image.open(plot) as image:
        assert image.format == "PNG" and image.width >= 600
    line = _lines()[7]
    (tmp_path / "one.edges").write_text("\n".join(f"{u} {v}" for u, v in line["edges"]))
    said = run(capsys, "predict", "--predictor", out, "--graph", tmp_path / "one.edges", "--json").json
    fitted = Predictor.load(out)
    pairs = {"nodes": len({node for edge in line["edges"] for node in edge}), "edges": line["edges"]}
    if pairs["nodes"] == len(line["nodes"]):  # a list of edges holds no node without one
        row = graph_features(type("G", (), pairs))
        (wanted,) = fitted.predict([{name: row[name] for name in fitted.feature_names}])
        assert said["accuracy"] == pytest.approx(wanted.accuracy, abs=1e-9)
    assert abs(said["accuracy"] - line["acc"]) < 0.05 and said["lower"] <= said["accuracy"] <= said["upper"]


def test_each_bad_use_is_one_line(measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edges, out, table = tmp_path / "g.edges", tmp_path / "p", tmp_path / "t.csv"
    edges.write_text("a b\nb c\n")
    table.write_text("size/log_kept,acc\n" + "".join(f"{i},{0.5 + i / 100}\n" for i in range(9)))
    run(capsys, "fit-predictor", table, "--target", "acc", "--model", "mean", "--out", out)
    asked = ["predict", "--predictor", out, "--graph"]
    assert "must be fitted on figures of graphs alone; got 'size/log_kept'" in run(capsys, *asked, edges).error
    assert (
        "--graph is a structure by itself" in run(capsys, *asked, edges, "--network", "resnet20", "--masks", "m").error
    )
    assert "a graph's file must be readable" in run(capsys, *asked, tmp_path / "none").error
    fit = ["fit-predictor", measured, "--target", "acc"]
    assert "--plot shows predictions out of fold and needs --evaluate" in run(capsys, *fit, "--plot", "x.png").error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[:1], "predictor must be fitted on at least 3 rows; got 1"),
        (lambda lines: [line | {"acc": 0.5} for line in lines], "targets must differ; got 0.5 in all 40 rows"),
        (lambda lines: [*lines, lines[0] | {"edges": []}], "a graph must have a path"),
        (lambda lines: [*lines, {"nodes": [0, 1], "edges": [[0, 1], [1, 0]]}], "graph must be acyclic"),
        (lambda lines: [*lines, {"edges": [[0, 1]]}], "a graph's record must have nodes"),
        (lambda lines: [*lines, {"nodes": [0, 1], "edges": [[0, 7]]}], "got KeyError 7"),
        (lambda lines: [*lines, [1]], "a graph's line must be an object; got a list"),
        (
            lambda lines: [line | {"acc": 82.4} for line in lines],
            "every target must be an accuracy in [0, 1]; got 82.4",
        ),
    ],
)
def test_each_bad_file_of_graphs_is_one_line(
    change: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _written(tmp_path / "bad.jsonl", change(_lines()))
    error = run(capsys, "fit-predictor", file, "--target", "acc", "--model", "mean").error
    assert message in error
    if "must be an accuracy" not in error and "rows" not in error:
        assert f"({file}, line 41)" in error


def test_a_file_of_graphs_without_graphs_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.jsonl"
    for content, message in ((b"\n", "a line for each graph; got none"), (b"{", "must be JSON"), (b"\xff", "in UTF-8")):
        file.write_bytes(content)
        assert message in run(capsys, "fit-predictor", file, "--target", "acc").error


def test_equal_graphs_are_never_on_both_sides_of_a_fold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    twice = [line | {"acc": float(acc)} for line, acc in zip(_lines(20), rng.random(20), strict=True) for _ in range(2)]
    file = _written(tmp_path / "twice.jsonl", twice)
    found = run(capsys, "fit-predictor", file, "--target", "acc", "--model", "nearest", "--json").json
    assert found["r2"] < 0.5  # a copy in the training rows would give each accuracy away


def test_measured_graphs_are_the_networks_with_the_means_of_their_runs(tmp_path: Path) -> None:
    members = networks()[:6]
    rows = [
        Row(one.family, one.number, int(one.is_twin), cell, seed, 0.6 + 0.1 * seed, 0.0, 0.0, 0)
        for one in members
        for cell in ("tanh", "gru")
        for seed in range(2)
    ]
    missing = [row for row in rows if row.cell == "tanh" or row.graph != rows[0].graph]
    lines = [json.loads(line) for line in measured_graphs(members, rows).splitlines()]
    graphs = [one for one in members if not one.is_twin]
    assert len(lines) == len(graphs) and {(line["tanh"], line["gru"]) for line in lines} == {(0.65, 0.65)}
    assert [len(line["edges"]) for line in lines] == [len(one.graph.edges) for one in graphs]
    assert all("gru" not in json.loads(line) for line in measured_graphs(members, missing).splitlines())
