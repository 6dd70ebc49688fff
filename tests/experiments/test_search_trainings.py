"""A search whose candidates train in every way, from checkpoints; and predictors that read the first epochs."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from nas.best import load_best
from nas.realize import realize
from nas.tasks import load_task
from tests.experiments.commands import SETTINGS, SMALL, run


def test_a_search_over_all_trainings_ends_with_a_network_that_reloads_to_its_accuracy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With rungs, so that trainings go on from checkpoints; the same command again trains nothing."""
    names = ("lrr", "imp", "edge_popup", "ntt", "ntt_mask")
    trainings = [flag for name in names for flag in ("--training", name)]
    flags = (
        *SMALL,
        "--method",
        "random",
        "--max-density",
        0.3,
        "--epochs",
        2,
        "--rungs",
        "1,2",
        "--eta",
        2,
        *trainings,
    )
    command = ("search", "--trials", 6, "--name", "all", "--out", tmp_path, "--json", *flags)
    said = run(capsys, *command)
    assert said.code == 0, said.err
    with (tmp_path / "all/records.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert len({row["training"] for row in rows}) > 1 and {row["training"] for row in rows} <= set(names)
    assert {row["state"] for row in rows} == {"finished"}
    network, task = load_best(tmp_path / "all/best"), load_task("digits")
    assert network.outcome is not None
    correct = network.logits(task.test.inputs).argmax(dim=1) == task.test.targets
    assert float(correct.float().mean()) == pytest.approx(network.outcome.test_accuracy)
    assert network.masks.counts() == realize(network.candidate, task)[1].counts()
    before = (tmp_path / "all/records.csv").read_text()
    assert run(capsys, *command).code == 0
    assert (tmp_path / "all/records.csv").read_text() == before


def test_fit_predictor_reads_the_first_epochs_of_longer_trainings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [2 if before == "--epochs" else value for before, value in zip(["", *SETTINGS], SETTINGS, strict=False)]
    run(capsys, "search", "--trials", 4, "--name", "two", "--out", tmp_path, "--json", *settings)
    asked = ["fit-predictor", tmp_path / "two", "--model", "mean", "--json"]
    whole, begun = run(capsys, *asked).json, run(capsys, *asked, "--curve", 1).json
    assert begun["features"] == whole["features"] + 4 and begun["rows"] == whole["rows"] and begun["warnings"] == []
    assert run(capsys, *asked, "--features", "curve", "--curve", 1).json["features"] == 4
    assert "--curve must leave epochs to be predicted; got 2, and" in run(capsys, *asked[:-1], "--curve", 2).error
    table = ["fit-predictor", tmp_path / "two" / "records.csv", "--curve", 1]
    assert "--curve reads the learning curves of a study's trials; got a table" in run(capsys, *table).error
