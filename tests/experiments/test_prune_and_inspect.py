"""Masks from the command line: made, read back, looked at, and refused where they do not belong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from experiments.networks import find_subject
from experiments.transferring import transferred
from pruning import Sparsity, load_masks
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
    first, second, third = (mask.double() for mask in read.values())
    ways = [second.T @ third.sum(0) * first.sum(1), third.sum(0) * (second @ first.sum(1))]  # into and out of a unit
    assert found["layers"][0]["dead_outputs"] == int((ways[0] == 0).sum()) == found["layers"][1]["dead_inputs"]
    assert found["layers"][1]["dead_outputs"] == int((ways[1] == 0).sum()) == found["layers"][2]["dead_inputs"]
    assert 10 ** found["log10_paths"] == pytest.approx(float(ways[0].sum())) == pytest.approx(float(ways[1].sum()))
    assert plot.read_bytes().startswith(b"\x89PNG")
    shown = run(capsys, "inspect", masks, "--network", "lenet_300_100").out
    assert all(words in shown for words in ("fc1", "total", "effective density", "path kernel", "Jacobian, condition"))
    assert (found["requested"], found["absent"]) == (0.05, {})
    assert found["effective"] == sum(layer["effective"] for layer in found["layers"]) <= found["kept"]


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


def test_every_setting_reaches_the_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "m.safetensors"
    flags = [
        "--method", "magnitude", "--density", 0.1, "--rounds", 3, "--schedule", "linear", "--exclude", "fc1*",
        "--layer-density", "fc3*=0.5", "--ends", "first_dense",
    ]  # fmt: skip
    found = run(capsys, "prune", "--network", "lenet_300_100", "--task", "digits", *flags, "--out", file, "--json").json
    assert found["layers"] == {"fc1.weight": 1.0, "fc2.weight": 2600 / 30_000, "fc3.weight": 0.5}
    assert {"schedule": "linear", "ends": "first_dense", "exclude": ["fc1*"]}.items() <= found["sparsity"].items()
    said = load_masks(file).metadata
    assert (said["ends"], said["rounds"], said["architecture"]) == ("first_dense", "3", said["architecture"])


def test_multipliers_move_weights_between_layers_and_keep_the_total(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["prune", "--network", "lenet_300_100", "--task", "digits", "--method", "magnitude", "--density", 0.1]
    plain = run(capsys, *flags, "--json").json
    found = run(capsys, *flags, "--multiplier", "fc1*=0.5", "--multiplier", "fc2*=0.5", "--json").json
    assert found["kept"] == plain["kept"]
    before, after = plain["layers"], found["layers"]
    assert after["fc3.weight"] > before["fc3.weight"]
    ratios = [after[name] / before[name] for name in ("fc1.weight", "fc2.weight")]
    assert abs(ratios[0] - ratios[1]) < 0.01 and ratios[0] < 1  # counts are whole
    assert found["sparsity"]["multipliers"] == [["fc1*", 0.5], ["fc2*", 0.5]]


def test_like_takes_the_layer_densities_of_a_file(
    masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--network", "lenet_300_100", "--method", "random", "--like", masks]
    twin = tmp_path / "twin.safetensors"
    assert run(capsys, "prune", *flags, "--out", twin).code == 0
    assert load_masks(twin).counts() == load_masks(masks).counts()
    denser = run(capsys, "prune", *flags, "--density", 0.1, "--json").json
    assert denser["kept"] == round(0.1 * 266_200)
    assert "one source; got --like and allocation 'erk'" in run(capsys, "prune", *flags, "--allocation", "erk").error


def test_dice_and_empty_layers_by_flag(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--network", "lenet_300_100", "--task", "digits", "--density", 0.05, "--json"]
    diced = run(capsys, "prune", *flags, "--method", "random", "--bernoulli").json
    assert diced["sparsity"]["sampling"] == "bernoulli" and diced["kept"] != round(0.05 * 50_200)
    line = run(capsys, "prune", *flags[:-1], "--method", "snip", "--bernoulli").error
    assert "Bernoulli sampling must be of method 'random'" in line
    assert run(capsys, "prune", *flags, "--method", "magnitude", "--allow-empty").json["sparsity"]["allow_empty"]


@pytest.mark.parametrize("init", ["orthogonal", "density_scaled_he"])
def test_inspect_finds_the_weights_that_were_pruned(
    init: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Looked at from the file of masks alone, and from the weights themselves: the same figures."""
    masks, weights = tmp_path / "m.safetensors", tmp_path / "w.safetensors"
    network = ["--network", "lenet_300_100", "--task", "digits"]
    chosen = ["--method", "magnitude", "--density", 0.2, "--seed", 3, "--init", init, "--gain", "relu"]
    after = ["--isometry", "approximate_isometry"] if init == "orthogonal" else []
    assert run(capsys, "prune", *network, *chosen, *after, "--out", masks, "--weights", weights).code == 0
    drawn = run(capsys, "inspect", masks, *network, "--json").json
    assert drawn["layers"] == run(capsys, "inspect", masks, *network, "--weights", weights, "--json").json["layers"]
    assert drawn["layers"] != run(capsys, "inspect", masks, *network, "--seed", 4, "--json").json["layers"]
    without = run(capsys, "inspect", masks, *network, "--samples", 0, "--json").json
    assert without["jacobian"] is None and without["absent"] == {"jacobian": "no inputs were given"}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--schedule", "exponental"], "unknown schedule 'exponental'; did you mean 'exponential'?"),
        (["--ends", "dense"], "unknown policy of first and last layer 'dense'"),
        (["--layer-density", "fc1"], "a layer's density must be GLOB=DENSITY; got 'fc1'"),
        (["--multiplier", "fc1=twice"], "a layer's factor must be GLOB=FACTOR; got 'fc1=twice'"),
        (["--layer-density", "fc9*=0.5"], "a glob of density must match a parameter that is pruned; got 'fc9*'"),
        (["--exclude", "nothing*"], "a glob of exclude must match a parameter"),
        (["--init", "ortho"], "unknown initialisation 'ortho'; did you mean 'orthogonal'?"),
        (["--isometry", "none"], "unknown isometry rule 'none'"),
        (["--gain", "2"], "--gain must come with --init or --isometry"),
        (["--gain", "relux", "--init", "he"], "unknown gain 'relux'; did you mean 'relu'?"),
        (["--like", "/nowhere.safetensors"], "a mask file must be readable"),
        (["--rounds", "0"], "rounds must be a whole number >= 1; got 0"),
    ],
)
def test_a_bad_setting_is_one_line(flags: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--network", "lenet_300_100", "--task", "digits", "--method", "magnitude", "--density", "0.1"]
    assert words in run(capsys, "prune", *given, *flags).error


def test_weights_of_another_network_are_refused(
    masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = run(capsys, "inspect", masks, "--network", "lenet_300_100", "--weights", masks).error
    assert "a weights file must hold this network's state" in line
    missing = tmp_path / "none"
    line = run(capsys, "inspect", masks, "--network", "lenet_300_100", "--weights", missing).error
    assert "a weights file must be readable" in line and str(missing) in line


def test_ntt_writes_a_mask_and_the_weights_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as the library's function on the same images, and other weights than the network's own."""
    mask, weights = tmp_path / "m.safetensors", tmp_path / "w.safetensors"
    asked = ["--method", "ntt", "--steps", 4, "--density", 0.05, "--allocation", "uniform", "--task", "digits"]
    flags = [*asked, "--seed", 3, "--out", mask, "--weights", weights, "--json"]
    found = run(capsys, "prune", "--network", "lenet_300_100", *flags).json
    subject = find_subject("lenet_300_100", None, "digits", None, seed=3)
    own = {name: value.detach().clone() for name, value in subject.module.named_parameters()}
    expected = transferred(subject, Sparsity("magnitude", 0.05, allocation="uniform"), 3, 4)
    read, state = load_masks(mask), load_file(weights)
    assert found["method"] == read.metadata["method"] == "ntt"
    assert (found["kept"], read) == (round(0.05 * found["total"]), expected.masks)
    for name, kept in read.items():
        assert not bool(state[name][~kept].any())
        assert not torch.equal(state[name][kept], own[name][kept])
        torch.testing.assert_close(state[name], expected.parameters[name])


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--method", "ntt"), "method 'ntt' must have images, without labels; got no task"),
        (("--method", "ntt", "--task", "digits", "--steps", 0), "--steps must be a whole number of at least 1; got 0"),
        (("--method", "ntt", "--task", "digits", "--rounds", 3), "rank by magnitude once a refresh.*got rounds 3"),
        (("--method", "snip", "--task", "digits", "--steps", 3), "--steps must come with --method ntt"),
    ],
)
def test_ntt_refuses_what_it_cannot_do(
    flags: tuple[str | int, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert re.search(words, run(capsys, "prune", "--network", "lenet_300_100", "--density", 0.1, *flags).error)
