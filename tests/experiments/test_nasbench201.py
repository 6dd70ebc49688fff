"""The NAS-Bench-201 reproduction on a made-up table, and its splits on the real one."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtri

from experiments.errors import ExperimentError
from experiments.reproduce.nasbench201_methods import columns_of, rank_mix
from experiments.reproduce.nasbench201_prediction import nasbench201_prediction
from experiments.reproduce.nasbench201_table import CellTable, load_cells
from search_spaces.cell_graph import all_cells, function_key

reproduction = importlib.import_module("experiments.reproduce.nasbench201_prediction")  # not its function of that name


@pytest.fixture(scope="module")
def table() -> CellTable:
    """200 cells whose accuracy rises with their 3x3 convolutions; a tenth have no proxies."""
    rng = np.random.default_rng(0)
    everything = all_cells()
    genes = tuple(everything[i] for i in rng.choice(len(everything), 200, replace=False))
    numbers: dict[tuple[object, ...], int] = {}
    classes = np.array([numbers.setdefault(function_key(cell), len(numbers)) for cell in genes])
    accuracy = np.array([0.6 + 0.05 * cell.count(3) for cell in genes]) + 0.01 * rng.normal(size=200)
    proxies = np.column_stack([accuracy + 0.05 * rng.normal(size=200) for _ in range(13)])
    proxies[::10] = np.nan
    return CellTable(genes, classes, accuracy, proxies)


def test_every_protocol_and_method_is_measured_once_and_finished_work_is_kept(
    table: CellTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    found = nasbench201_prediction(tmp_path, said.append, sizes=(24,), draws=1, table=table)
    assert [line.split(",")[0] for line in said] == ["all", "unseen", "proxies", "intervals"]
    methods = {protocol: list(values) for protocol, values in found.summary.items()}
    assert methods["intervals"] == ["mixture"]
    assert {"size only", "XGBoost on GRAF", "process", "mixture", "rank mix"} < set(methods["all"])
    assert "rank mix, proxies in trees" in methods["proxies"] and "rank mix, proxies in trees" not in methods["unseen"]
    assert found.summary["all"]["rank mix"]["24"]["kendall"]["mean"] > 0.5  # 3x3 convolutions are easily counted
    assert 0.7 < found.summary["intervals"]["mixture"]["24"]["coverage"]["mean"] <= 1
    monkeypatch.setattr(reproduction, "_measured", None)
    again = nasbench201_prediction(tmp_path, said.append, sizes=(24,), draws=1, table=table)
    assert len(said) == 4 and again.rows == json.loads(json.dumps(list(found.rows)))


def test_a_line_cut_short_is_measured_again(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.write_text('{"work": ["all", 32, 0], "rows": [1]}\n{"work": ["all", 32, 1], "ro')
    assert reproduction._read(kept) == {("all", 32, 0): [1]}


def test_the_size_is_that_of_the_live_cell(table: CellTable) -> None:
    _, columns = columns_of(table)
    assert columns["params"].max() <= np.log1p(54) and columns["recipe"].shape == (200, 102)
    assert np.isnan(columns["proxies"][::10]).all()


def test_rank_mix_by_hand() -> None:
    parts = np.array([[0.1, 0.9, 0.5], [30.0, 10.0, 20.0]])
    z = ndtri(np.array([1, 3, 5]) / 6)
    np.testing.assert_allclose(rank_mix(parts, (2, 1)), [(2 * z[0] + z[2]) / 3, (2 * z[2] + z[0]) / 3, z[1]])


def test_a_missing_table_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"NAS-Bench-201's table must be at nasbench201/nasbench201\.csv\.gz"):
        load_cells(tmp_path)


@pytest.mark.data
@pytest.mark.skipif("SPARSENAS_DATA" not in os.environ, reason="needs the data folder: set SPARSENAS_DATA")
def test_the_real_table_has_the_published_cells() -> None:
    try:
        cells = load_cells()
    except ExperimentError:
        pytest.skip("the table is not in the data folder")
    assert len(cells) == len(set(cells.genes)) == 15_625
    assert int(np.isfinite(cells.proxies).all(axis=1).sum()) == 9_445
    assert len(np.unique(cells.classes)) == 4_660
    assert 0.0 < cells.validation.min() < 0.11 and 0.915 < cells.validation.max() < 0.917
