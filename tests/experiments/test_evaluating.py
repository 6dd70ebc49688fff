"""fit-predictor on tables: warnings, evaluation, scales; each bad table is one line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.experiments.commands import run
from tests.predictors.tables import NAMES, table


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    rows, targets = table(40, seed=0)
    return _written(tmp_path / "rows.csv", [{**row, "accuracy": y} for row, y in zip(rows, targets, strict=True)])


def _written(file: Path, rows: list[dict[str, float]]) -> Path:
    with file.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def test_evaluation_prints_intervals_baselines_and_the_best_column(
    measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["fit-predictor", measured, "--target", "accuracy", "--model", "bayesian_ridge", "--evaluate"]
    found = run(capsys, *asked, "--repeats", "1", "--ablate", "--json").json
    for name in ("r2", "mae", "spearman", "kendall", "top_regret", "coverage", "width", "partial_r2_beyond_size"):
        assert found[name]["low"] <= found[name]["mean"] <= found[name]["high"], name
    assert set(found["baselines"]) == {"mean", "size_only"} and found["baselines"]["mean"]["r2"]["mean"] < 0.05
    assert next(iter(found["single_columns"])) == "size/log_kept"
    assert set(found["ablation"]) == {name.partition("/")[0] for name in NAMES}
    assert found["ablation"]["size"]["without"]["low"] > 0.3
    assert found["noise_ceiling"] is None and found["warnings"] == []
    assert len(found["predictions"]["measured"]) == 40
    printed = run(capsys, *asked, "--repeats", "1").out
    assert "alone" in printed and "regret" in printed and "[" in printed  # headings may wrap


def test_a_leaking_column_is_named(measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, targets = table(40, seed=0)
    leaky = [{**row, "final/test_loss": 1 - y, "accuracy": y} for row, y in zip(rows, targets, strict=True)]
    file = _written(tmp_path / "leaky.csv", leaky)
    asked = ["fit-predictor", file, "--target", "accuracy", "--model", "mean", "--json"]
    (warning,) = run(capsys, *asked).json["warnings"]
    assert warning.startswith("column 'final/test_loss' reads like something known only after training")
    assert run(capsys, *asked, "--exclude", "final/test_loss").json["warnings"] == []


def test_networks_trained_twice_give_a_noise_ceiling(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, targets = table(20, seed=0, noise=0.0)
    twice = [{**row, "accuracy": y + e} for row, y in zip(rows, targets, strict=True) for e in (-0.01, 0.01)]
    file = _written(tmp_path / "twice.csv", twice)
    asked = ["fit-predictor", file, "--target", "accuracy", "--model", "mean", "--evaluate", "--repeats", "1", "--json"]
    ceiling = run(capsys, *asked).json["noise_ceiling"]
    assert ceiling["repeats"] == 40
    assert ceiling["mae"] == pytest.approx((2 * 0.0002 / 3.141592653589793) ** 0.5, rel=1e-6)  # pooled variance 2e-4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"density/mean": "nan"}, "column 'density/mean' must hold finite numbers; got 'nan' (row 1)"),
        ({"density/mean": ""}, "column 'density/mean' must hold finite numbers; got '' (row 1)"),
        ({"accuracy": "82.4"}, "every target must be an accuracy in [0, 1]; got 82.4"),
    ],
)
def test_each_bad_table_is_one_line(
    change: dict[str, str], message: str, measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with measured.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    rows[0] |= change
    _written(measured, rows)  # type: ignore[arg-type]
    found = run(capsys, "fit-predictor", measured, "--target", "accuracy", "--model", "mean")
    assert found.code and message in found.error and "Traceback" not in found.error


def test_one_row_constant_targets_and_unknown_scales_are_one_line(
    tmp_path: Path, measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, targets = table(12, seed=0)
    single = _written(tmp_path / "one.csv", [{**rows[0], "accuracy": targets[0]}])
    flat = _written(tmp_path / "flat.csv", [{**row, "accuracy": 0.5} for row in rows])
    asked = ["--target", "accuracy", "--model", "mean"]
    assert "must be fitted on at least 3 rows; got 1" in run(capsys, "fit-predictor", single, *asked).error
    assert "targets must differ; got 0.5 in all 12 rows" in run(capsys, "fit-predictor", flat, *asked).error
    assert "unknown scale of targets 'log'" in run(capsys, "fit-predictor", measured, *asked, "--scale", "log").error
