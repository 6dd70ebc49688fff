"""The arithmetic of benchmarks, how their tables are kept, and the command that runs them."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from experiments.benchmarks.masks import DENSITIES as MASK_DENSITIES
from experiments.benchmarks.masks import NETWORKS as MASK_NETWORKS
from experiments.benchmarks.masks import Row as MaskRow
from experiments.benchmarks.masks import summarised as summarised_masks
from experiments.benchmarks.masks_figure import draw as draw_masks
from experiments.benchmarks.masks_process import Job, measured
from experiments.benchmarks.paired import paired_difference
from experiments.benchmarks.screening import _volumes
from experiments.benchmarks.steps import WAYS, Training
from experiments.benchmarks.table import Table
from experiments.report.figures.canvas import render
from experiments.terminal.bench_table import bench_table
from pruning.dynamic import STATIC
from tests.experiments.commands import run


def test_paired_difference_by_hand() -> None:
    """Differences 1, 2, 3: mean 2, deviation 1, and Student's t at 97.5 % with two degrees of freedom is 4.3027."""
    found = paired_difference([2.0, 3.0, 4.0], [1.0, 1.0, 1.0])
    half = 4.302653 / math.sqrt(3)
    assert (found.mean, found.wins, found.pairs) == (2.0, 3, 3)
    assert [found.low, found.high] == pytest.approx([2 - half, 2 + half], abs=1e-4)
    assert not found.settled
    assert paired_difference([2.0, 3.0, 2.5], [1.0, 2.0, 1.5]).settled


@pytest.mark.parametrize(("first", "second"), [([1.0], [1.0]), ([1.0, 2.0], [1.0])])
def test_incomplete_pairs_are_refused(first: list[float], second: list[float]) -> None:
    with pytest.raises(ValueError, match="pairs must be at least two and complete"):
        paired_difference(first, second)


def test_volumes_by_hand() -> None:
    """Two networks, 100 and 10,000 weights: the box is two decades wide and 0.9 high."""
    curve = ("evolution", True, 0, [(0.55, 100.0), (1.0, 10_000.0), (0.55, 10_000.0)], 1.0)
    volumes = _volumes(curve[3], [curve])
    assert volumes.tolist() == pytest.approx([0.5, 0.5, 0.5])  # at the dear edge of the box nothing is dominated
    assert _volumes([(1.0, 100.0)], [curve]).tolist() == pytest.approx([1.0])


def test_a_table_is_kept_as_json_and_csv(tmp_path: Path) -> None:
    rows = [{"seed": 0, "accuracy": 0.5}, {"seed": 1, "accuracy": 0.75}]
    table = Table("toy", "two seeds", rows, {"mean": 0.625})
    table.write(tmp_path / "new")
    kept = json.loads((tmp_path / "new/toy.json").read_text())
    assert (kept["name"], kept["protocol"], kept["summary"]) == ("toy", "two seeds", {"mean": 0.625})
    with (tmp_path / "new/toy.csv").open() as file:
        assert [float(row["accuracy"]) for row in csv.DictReader(file)] == [0.5, 0.75]


@pytest.mark.parametrize("width", [50, 120])
def test_a_table_is_shown_whole_with_its_conclusions_as_grids(width: int) -> None:
    rows: list[dict[str, Any]] = [{"rule": "a long name of a rule", "mean_of_all": 1 / 3, "nothing": None}] * 21
    table = Table("toy", "two seeds", rows, {"means": [{"rule": "b", "low": 0.25}], "floor": 2.0, "names": ["x", "y"]})
    console = Console(width=width, file=io.StringIO(), color_system=None)
    with console.capture() as shown:
        console.print(bench_table(table, width))
    text = shown.get()
    assert "0.3333" in text and "None" not in text and "…" not in text
    assert "... and 1 more rows in the CSV file" in text
    assert ["b", "0.25"] in [line.split() for line in text.splitlines()]
    assert "floor: 2\nnames: x, y" in text


def test_few_rows_of_many_columns_stand_on_their_side() -> None:
    rows = [{f"some_measured_figure_{i}": float(i + row) for i in range(14)} for row in range(3)]
    console = Console(width=80, file=io.StringIO(), color_system=None)
    with console.capture() as shown:
        console.print(bench_table(Table("wide", "protocol", rows), 80))
    lines = [line.split() for line in shown.get().splitlines()]
    assert ["some", "measured", "figure", "13", "13", "14", "15"] in lines and "…" not in shown.get()


@pytest.mark.parametrize("training", WAYS)
def test_a_step_is_timed_with_or_without_a_move_of_the_mask(training: str) -> None:
    way = Training("lenet_300_100", 4, training)
    for prepare, moves in ((way.rest, False), (way.approach, training != STATIC), (way.rest, False)):
        prepare()
        before = way.moving.masks
        way.step()
        assert (way.moving.masks != before) == moves


def test_bench_lists_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    listed = run(capsys, "bench", "--json")
    assert set(json.loads(listed.out)["benchmarks"]) >= {
        "executors",
        "masks",
        "overhead",
        "resume",
        "screening",
        "training",
    }
    refused = run(capsys, "bench", "screning")
    assert refused.code == 2
    assert "unknown benchmark 'screning'; did you mean 'screening'?" in refused.err


def test_reproduce_lists_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    listed = run(capsys, "reproduce", "--json")
    assert set(json.loads(listed.out)["reproductions"]) >= {"isometry-rules", "phew-widths", "signal-propagation"}
    refused = run(capsys, "reproduce", "signal-propagaton")
    assert refused.code == 2
    assert "unknown reproduction 'signal-propagaton'; did you mean 'signal-propagation'?" in refused.err


def mask_row(part: str, network: str, method: str, density: float, seconds: float, weights: int) -> MaskRow:
    return MaskRow(part, network, weights, method, density, 1, seconds, seconds, seconds, 1.0, seconds / 0.5)


def mask_rows() -> list[MaskRow]:
    """One hundredfold the weights, and seconds that grow with the weights' power 1 (all) or 1/2 (random)."""
    rows = []
    for network, weights in zip(MASK_NETWORKS, (10_000, 100_000, 1_000_000), strict=True):
        for method in ("sort", "magnitude", "synflow", "phew", "snip", "grasp"):
            rows.append(mask_row("methods", network, method, 0.1, weights * 1e-6, weights))
        rows.append(mask_row("methods", network, "random", 0.1, weights**0.5 * 1e-3, weights))
        rows += [mask_row("density", network, "phew", density, 3.0 * density, weights) for density in MASK_DENSITIES]
    rows += [
        mask_row("density", MASK_NETWORKS[0], "snip", d, 2.0, 10_000) for d in (MASK_DENSITIES[0], MASK_DENSITIES[-1])
    ]
    return [*rows, mask_row("rounds", "resnet18", "synflow", 0.1, 9.0, 100_000)]


def test_growth_is_the_exponent_of_the_weights() -> None:
    found = summarised_masks(mask_rows())
    assert found["growth_with_weights"] == dict.fromkeys(found["growth_with_weights"], 1.0) | {"random": 0.5}
    assert found["growth_with_density"] == {"phew": 50.0, "snip": 1.0}
    assert found["sorts_of_magnitude"]["vgg19"] == 2.0
    assert found["phew_seconds_vgg19_density_0.107"] == pytest.approx(0.321)
    assert render(lambda: draw_masks(mask_rows()), "png").startswith(b"\x89PNG")


@pytest.mark.parametrize("method", ["topk", "magnitude"])
def test_a_method_is_timed_and_weighed(method: str) -> None:
    threads = torch.get_num_threads()
    try:
        found = measured(Job("lenet_300_100", method, 0.1, repeats=2))
    finally:
        torch.set_num_threads(threads)
    assert found.weights == 266_200
    assert len(found.cpu_seconds) == len(found.elapsed_seconds) == 2
    assert 0 < found.seconds <= sum(found.elapsed_seconds) * 1.5 and found.peak_bytes >= 0
