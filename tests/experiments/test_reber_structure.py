"""The reproduction on recurrent networks of graphs: its folds, its comparison and its table."""

from __future__ import annotations

import csv
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.errors import ExperimentError
from experiments.reproduce import REPRODUCTIONS
from predictors import Graph, graph_features

module = importlib.import_module("experiments.reproduce.reber_structure")


def _write(folder: Path, count: int, modes: dict[str, str]) -> None:
    """Write tables in the published form: accuracy rises with the number of sources."""
    (folder / "reber").mkdir()
    rng = np.random.default_rng(0)
    lines = []
    for mode, name in modes.items():
        rows = []
        for number in range(count):
            nodes = int(rng.integers(8, 16))
            edges = np.argwhere(np.triu(rng.random((nodes, nodes)) < 0.3, 1))
            graph = Graph(nodes, edges)
            figures = {f"figure{i}": rng.normal() for i in range(2)}
            sources, last = float((graph.layers == 0).sum()), float((graph.layers == graph.layers.max()).sum())
            sizes = {"nodes": nodes, "edges": len(edges), "source_nodes": sources, "sink_nodes": last}
            accuracy = 0.5 + 0.04 * sources + 0.01 * rng.normal()
            label: dict[str, Any] = {"mode": mode, "graph": "made_up", "graph_nr": number}
            rows.append({**label, **sizes, **figures, "test_acc": accuracy, "test_loss": 1.0, "time": 1.0})
            lines.append(json.dumps({**label, "nodes": list(range(nodes)), "edges": edges.tolist()}))
        with (folder / "reber" / f"structure_{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    (folder / "reber" / "graphs.jsonl").write_text("\n".join(lines))


def test_the_table_of_made_up_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = {"GRU": "gru"}
    _write(tmp_path, 30, modes)
    for name, value in {"MODES": modes, "REPEATS": 2, "FOLDS": 3, "ABLATION_REPEATS": 1}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setenv("SPARSENAS_DATA", str(tmp_path))
    table = REPRODUCTIONS["reber-structure"](tmp_path / "out", lambda line: None)
    by_name = {row["predictor"]: row for row in table.rows}
    ours = by_name[module.OURS]
    assert ours["r2"] > 0.5  # the number of sources is among its columns, and is all that matters here
    assert ours["r2_least"] <= ours["r2"] <= ours["r2_most"]
    assert 0.5 <= ours["coverage"] <= 1 and ours["width"] > 0
    best = max((row for name, row in by_name.items() if name.startswith("published")), key=lambda row: row["r2"])
    assert best["against_low"] == best["against_high"] == 0
    assert (tmp_path / "out" / "reber_structure.png").is_file()


def test_folds_are_the_same_for_all_and_differ_between_repetitions() -> None:
    first, again, other = module.folds(200, 0), module.folds(200, 0), module.folds(200, 1)
    assert (first == again).all() and (first != other).any()
    assert set(np.bincount(first)) == {20}


def test_a_network_without_its_graph_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, 3, {"GRU": "gru"})
    file = tmp_path / "reber" / "graphs.jsonl"
    file.write_text("\n".join(file.read_text().splitlines()[:2]))
    with pytest.raises(ExperimentError, match=r"every network of the table must have its graph; got none for GRU made"):
        module.read_networks(tmp_path / "reber" / "structure_gru.csv", file, "GRU")


def test_own_features_are_those_of_the_networks_graph(tmp_path: Path) -> None:
    _write(tmp_path, 4, {"GRU": "gru"})
    folder = tmp_path / "reber"
    networks = module.read_networks(folder / "structure_gru.csv", folder / "graphs.jsonl", "GRU")
    record = json.loads((folder / "graphs.jsonl").read_text().splitlines()[2])
    expected = graph_features(Graph(len(record["nodes"]), np.array(record["edges"])))
    np.testing.assert_array_equal(networks.own[2], list(expected.values()))
    np.testing.assert_array_equal(networks.columns("source_nodes")[:, 0], networks.groups("counts")[:, 8])
