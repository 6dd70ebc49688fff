from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from experiments.report.figures.canvas import render
from experiments.reproduce.phew_widths import METHODS, LayerRow, Row, network_rows, on_the_way
from experiments.reproduce.phew_widths_figure import draw
from experiments.reproduce.phew_widths_summary import mean_interval, summarised
from nas.seeds import stream
from pruning import Evidence, Sparsity, prune


@pytest.fixture(scope="module")
def measured() -> list[tuple[Row, list[LayerRow]]]:
    return list(network_rows("lenet_300_100", 0, densities=(0.5, 0.01), rounds=4))


def test_every_method_is_measured_at_every_density(measured: list[tuple[Row, list[LayerRow]]]) -> None:
    assert {(row.method, row.density) for row, _ in measured} == {(name, d) for name in METHODS for d in (0.5, 0.01)}
    for row, layers in measured:
        assert sum(layer.kept for layer in layers) == round(row.density * 266_200)
        assert [layer.units for layer in layers] == [300, 100, 10]
        assert row.width == pytest.approx(sum(layer.alive / layer.units for layer in layers) / 3)
        assert row.least_width == min(layer.alive / layer.units for layer in layers)
        assert row.log_kernel < 0 and row.log_paths < 0 and 0 < row.effective <= 1


def test_all_of_phew_lies_on_paths_and_its_twin_has_its_counts(measured: list[tuple[Row, list[LayerRow]]]) -> None:
    kept = {(row.method, row.density): [layer.kept for layer in layers] for row, layers in measured}
    assert all(row.effective == 1 for row, _ in measured if row.method == "phew")
    for density in (0.5, 0.01):
        assert kept["random, PHEW's layers", density] == kept["phew", density]


def test_masks_on_the_way_are_those_of_prunings_of_their_own() -> None:
    """At densities on which a round ends: 1/4 after four rounds of eight, 1/16 after all eight."""
    module = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 32))
    for parameter in module.parameters():
        nn.init.normal_(parameter, generator=torch.Generator().manual_seed(1))
    found = dict(on_the_way(module, "synflow", Evidence((32,), stream(0, "mask")), (1 / 4, 1 / 16), 8))
    for density, rounds in ((1 / 4, 4), (1 / 16, 8)):
        alone = prune(module, Sparsity("synflow", density, rounds=rounds), Evidence((32,), stream(0, "mask")))
        assert found[density].equal(alone)


def test_differences_are_paired_by_seed() -> None:
    row = Row("net", "phew", 0.1, 0, width=0.9, least_width=0.5, log_kernel=-1.0, log_paths=-3.0, effective=1.0)
    ours = [replace(row, seed=seed, width=0.9 + 0.01 * seed) for seed in range(3)]
    theirs = [replace(one, method="synflow", width=one.width - 0.2 - 0.1 * one.seed) for one in reversed(ours)]
    found = {entry["figure"]: entry for entry in summarised(ours + theirs)["phew_minus"]}
    assert (found["width"]["mean"], found["width"]["wins"]) == (pytest.approx(0.3), 3)
    assert found["width"]["high"] - found["width"]["low"] == pytest.approx(2 * 4.302653 * 0.1 / 3**0.5, rel=1e-5)
    cut = [replace(one, log_kernel=float("-inf")) for one in theirs]
    assert {e["figure"]: e for e in summarised(ours + cut)["phew_minus"]}["log_kernel"]["mean"] is None
    assert mean_interval([1.0]) == (1.0, 1.0, 1.0)


def test_the_picture_is_drawn(measured: list[tuple[Row, list[LayerRow]]]) -> None:
    rows = [row for row, _ in measured]
    layers = [layer for _, its in measured for layer in its]
    again = [replace(row, seed=1) for row in rows], [replace(layer, seed=1) for layer in layers]
    assert render(lambda: draw(rows + again[0], layers + again[1]), "png").startswith(b"\x89PNG")
