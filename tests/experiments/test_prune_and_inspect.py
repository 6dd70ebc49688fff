"""Masks from the command line: made, read back, looked at, and refused where they do not belong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from experiments.layers import live_units
from pruning import load_masks
from tests.experiments.commands import run


@pytest.fixture
def masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    file = tmp_path / "deep" / "m.safetensors"
    flags = ["--method", "magnitude", "--density", 0.05, "--allocation", "erk", "--out", file]
    assert run(capsys, "prune", "--network", "lenet_300_100", *flags).code == 0
    return file


def test_prune_writes_exact_counts_and_where_they_come_from(masks: Path) -> None:
    read = load_masks(masks)
    assert read.total == 266_200 and read.kept == round(0.05 * 266_200)
    assert read.metadata["method"] == "magnitude" and read.metadata["network"] == "lenet_300_100"
    assert list(read) == ["fc1.weight", "fc2.weight", "fc3.weight"]


def test_prune_says_the_same_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--method", "snip", "--density", 0.1, "--task", "digits", "--json"]
    found = run(capsys, "prune", "--network", "lenet_300_100", *flags).json
    total = 64 * 300 + 300 * 100 + 100 * 10
    assert (found["total"], found["kept"], found["out"]) == (total, round(0.1 * total), None)
    assert found == run(capsys, "prune", "--network", "lenet_300_100", *flags).json


def test_inspect_adds_up(masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot = tmp_path / "pictures" / "d.png"
    found = run(capsys, "inspect", masks, "--network", "lenet_300_100", "--plot", plot, "--json").json
    read = load_masks(masks)
    assert [layer["kept"] for layer in found["layers"]] == [int(mask.sum()) for mask in read.values()]
    assert found["kept"] == read.kept == found["multiply_adds"]  # each weight of a linear layer is used once
    first = read["fc1.weight"]
    assert found["layers"][0]["dead_inputs"] == int((~first.any(dim=0)).sum())
    assert found["layers"][0]["dead_outputs"] == int((~first.any(dim=1)).sum())
    assert plot.read_bytes().startswith(b"\x89PNG")
    shown = run(capsys, "inspect", masks, "--network", "lenet_300_100").out
    assert "fc1" in shown and "total" in shown


def test_units_of_a_grouped_convolution() -> None:
    mask = torch.zeros(4, 2, 1, 1, dtype=torch.bool)  # 4 outputs, 2 groups of 2 inputs
    mask[1, 0] = True  # output 1 of group 0 reads input 0
    mask[3, 1] = True  # output 3 of group 1 reads input 3
    inputs, outputs = live_units(mask, groups=2)
    assert inputs.tolist() == [True, False, False, True]
    assert outputs.tolist() == [False, True, False, True]


@pytest.mark.parametrize("density", ["0", "1.5", "nan"])
def test_a_density_out_of_range_is_refused(density: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = run(capsys, "prune", "--network", "resnet20", "--method", "random", "--density", density).error
    assert line.startswith("density must be in (0, 1]; got ")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--network", "resnt20", "--method", "random", "--density", "0.1"], "unknown network 'resnt20'; did you mean"),
        (["--network", "resnet20", "--method", "snpi", "--density", "0.1"], "did you mean 'snip'?"),
        (["--network", "resnet20", "--density", "0.1"], "--method must be given"),
        (["--method", "random", "--density", "0.1"], "exactly one of --network and --candidate"),
        (["--candidate", "/nowhere.json"], "a candidate file must be readable; got No such file"),
    ],
)
def test_prune_refuses_in_one_line(flags: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert words in run(capsys, "prune", *flags).error


def test_masks_of_another_network_are_refused(masks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = run(capsys, "inspect", masks, "--network", "lenet5").error
    assert str(masks) in line and "lenet5" in line


def test_masks_of_other_shapes_are_refused(masks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = run(capsys, "inspect", masks, "--network", "lenet_300_100", "--task", "digits").error
    assert "a mask must have its weight's shape (300, 64); got (300, 784) ('fc1.weight')" in line


@pytest.mark.parametrize("content", [b"", b"\x10" * 40])
def test_a_broken_mask_file_is_refused(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "broken.safetensors"
    file.write_bytes(content)
    assert "a mask file must be" in run(capsys, "inspect", file, "--network", "lenet5").error


def test_a_missing_mask_file_and_predictor_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "none.safetensors"
    assert str(missing) in run(capsys, "inspect", missing, "--network", "lenet5").error
    line = run(capsys, "predict", "--predictor", tmp_path, "--network", "lenet5", "--masks", missing).error
    assert "predictor folder must hold predictor.json" in line
    assert "--network needs --masks" in run(capsys, "predict", "--predictor", tmp_path, "--network", "lenet5").error
