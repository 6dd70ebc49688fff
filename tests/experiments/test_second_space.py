"""The frozen recipe on a second space: its networks, its table, and that a killed run goes on."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from experiments.reproduce import REPRODUCTIONS
from experiments.reproduce.second.networks import drawn, population, trained
from nas.seeds import numpy_stream
from search_spaces import SPACES

module = importlib.import_module("experiments.reproduce.second.second_space")  # not its function of that name


def test_networks_are_different_and_more_begin_with_the_same() -> None:
    few, many = drawn("mlp", 20), drawn("mlp", 40)
    assert many[:20] == few and len(set(many)) == 40
    assert all(SPACES["mlp"].canonical(one) == one for one in many)


def test_columns_are_those_that_vary_and_genes_are_one_hot() -> None:
    rows = [
        {"space": "mlp", "genes": json.dumps(one.genes), "seed": seed, "val_accuracy": 0.5 + 0.1 * seed}
        for one in drawn("mlp", 6)
        for seed in range(2)
    ]
    found = population("mlp", rows)
    assert found.accuracies.shape == (6, 2) and found.accuracies[3].tolist() == [0.5, 0.6]
    np.testing.assert_array_equal(found.genes.sum(axis=1), len(SPACES["mlp"].choices))
    assert (np.ptp(found.columns, axis=0) > 0).all() and found.columns.shape[1] == len(found.names)
    assert "size/log_total" in found.names and "density/mean" not in found.names  # nothing is pruned


def test_a_training_is_a_function_of_its_seed() -> None:
    (architecture,) = drawn("mlp", 1)
    first, again = trained("mlp", architecture, 2), trained("mlp", architecture, 1)
    assert [row["seed"] for row in first] == [0, 1] and first[:1] == again


def test_the_table_of_made_up_trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accuracy rises with the number of weights, so that size alone orders the networks; nothing is trained twice."""
    for name, value in {"SPACES": {"mlp": (70, 2)}, "SIZES": (24,), "DRAWS": 2, "TESTED": 40}.items():
        monkeypatch.setattr(module, name, value)
    rng, asked = numpy_stream(0, "test"), []

    def made_up(space: str, architecture: object, seeds: int) -> list[dict[str, object]]:
        asked.append(architecture)
        genes = architecture.genes  # type: ignore[attr-defined]
        level = 0.5 + 0.05 * sum(genes[3 : 4 + genes[0]])
        head = {"space": space, "genes": json.dumps(genes, separators=(",", ":"))}
        return [{**head, "seed": i, "val_accuracy": min(level + 0.01 * rng.normal(), 1.0)} for i in range(seeds)]

    monkeypatch.setattr(module, "trained", made_up)
    table = REPRODUCTIONS["second-space"](tmp_path, lambda line: None)
    methods = {row["method"] for row in table.rows}
    assert methods == {"size only", "XGBoost on genes", "process", "XGBoost", "extra trees", "mixture", "rank mix"}
    assert len(table.rows) == 2 * len(methods)
    assert table.summary["mlp"]["rank mix"]["24"]["kendall"]["mean"] > 0.5
    assert table.summary["mlp"]["rank mix - XGBoost on genes"]["24"]["draws"] == 2
    assert 0.5 < table.summary["mlp, noise ceiling"]["kendall"] <= 1
    assert len(asked) == 70
    again = REPRODUCTIONS["second-space"](tmp_path, lambda line: None)
    assert len(asked) == 70 and list(again.rows) == list(table.rows)
