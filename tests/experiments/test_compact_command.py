"""`sparsenas compact`: tables, files that load again, and figures that agree with the network."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from experiments.benchmarks.sparse import Row, break_even, measured, parts, summarised
from experiments.benchmarks.sparse_figure import draw
from experiments.compacting import Comparison, Form
from experiments.report.figures.canvas import render
from experiments.terminal.compact_table import verdict
from nas.best import save_best
from nas.candidates import Candidate
from nas.compacted import load_compacted
from nas.outcomes import Outcome
from nas.realize import realize
from nas.tasks import load_task
from pruning import Evidence, Sparsity, prune
from pruning.compaction import compact
from search_spaces import SPACES
from tests.experiments.commands import run


@pytest.fixture
def masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    file = tmp_path / "m.safetensors"
    flags = [
        "--method",
        "random",
        "--density",
        0.01,
        "--allocation",
        "uniform",
        "--weights",
        tmp_path / "w.safetensors",
    ]
    assert run(capsys, "prune", "--network", "lenet_300_100", *flags, "--out", file).code == 0
    return file


def test_compact_adds_up(masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, fast = tmp_path / "small", ["--batch", 1, "--batch", 3, "--seconds", 0]
    flags = ["--network", "lenet_300_100", "--masks", masks, "--weights", tmp_path / "w.safetensors"]
    found = run(capsys, "compact", *flags, *fast, "--out", out, "--json").json
    forms = {form["name"]: form for form in found["forms"]}
    assert forms["dense"]["multiply_adds"] == forms["masked"]["multiply_adds"] == 266_200
    assert forms["dense"]["parameters"] == 266_200 + 410
    widths = [(layer["inputs"], layer["outputs"]) for layer in found["layers"]]
    assert forms["compacted"]["multiply_adds"] == sum(a * b for a, b in widths) == found["total_after"]
    assert forms["compacted"]["bytes"] == (out / "weights.safetensors").stat().st_size
    assert forms["compacted"]["bytes"] < forms["dense"]["bytes"] / 2
    assert all(set(form["seconds"]) <= {"1", "3"} for form in found["forms"])
    assert [(layer["rows"], layer["name"]) for layer in found["csr_layers"]] == [
        (rows, name) for rows in (1, 3) for name in ("fc1", "fc2", "fc3")
    ]
    assert found["departure"] <= 1e-5
    read = load_compacted(out)
    assert [tuple(mask.shape) for mask in read.masks.values()] == [(b, a) for a, b in widths]
    assert read.module(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    shown = run(capsys, "compact", *flags, "--batch", 1, "--seconds", 0).out
    assert all(words in shown for words in ("fc1", "300 >", "masked", "compacted", "batch 1: ", "CSR "))


def test_a_runs_best_network_comes_back_smaller(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From best/ to a smaller network that classifies the task's images as the best one does."""
    task, space = load_task("digits", None), SPACES["mlp"]
    candidate = Candidate(space.random(np.random.default_rng(0)), Sparsity("random", 0.02), seed=1)
    module, kept = realize(candidate, task)
    outcome = Outcome(0.5, (), 1, 0.0, kept=kept.kept, total=kept.total, multiply_adds=kept.kept)
    with torch.no_grad():
        for name, mask in kept.items():
            module.get_parameter(name).mul_(mask)
    save_best(tmp_path / "best", candidate, task, module, kept, outcome)
    out = tmp_path / "small"
    found = run(capsys, "compact", tmp_path / "best", "--batch", 2, "--seconds", 0, "--out", out, "--json").json
    read = load_compacted(out)
    assert found["total_after"] == read.masks.total < found["total"]
    images, _ = task.evidence(20, torch.Generator().manual_seed(0))
    torch.testing.assert_close(read.module(images), module.eval()(images), rtol=1e-5, atol=1e-5)
    assert read.origin.candidate == candidate and read.origin.mean == list(task.normalise.constants[0])


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "a run's best/ folder or --masks must be given; got neither"),
        (["best", "--network", "lenet5"], "a run's folder must come alone; got best and --network"),
        (["missing"], "a network folder must hold architecture.json"),
    ],
)
def test_what_cannot_be_compacted_is_refused(flags: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert words in run(capsys, "compact", *flags).error


def test_break_even_by_hand() -> None:
    """On log scales the line from (0.01, 4) to (0.1, 1/4) crosses 1 half way, at the geometric mean."""
    assert break_even({0.1: 0.25, 0.01: 4.0}) == pytest.approx(0.032, abs=1e-3)
    assert break_even({0.1: 0.5, 0.01: 0.9}) is None
    assert break_even({0.5: 1.1, 0.01: 9.0}) == 0.5


def row(part: str, name: str, density: float, csr: float | None, compacted: float | None, batch: int = 1) -> Row:
    sizes = (100, 50) if compacted is None else (100, 25)
    return Row(part, name, "random", density, batch, 1.0, csr, compacted, None, 100, 50, sizes[1], 20, 0.5, True)


def test_the_summary_and_the_picture_say_what_was_timed() -> None:
    rows = [row("linear", "64x64", density, 2 * density**0.5, None) for density in (0.01, 0.25, 0.5)]
    rows += [row("networks", "lenet5", density, None, density, batch) for density in (0.5, 0.1) for batch in (1, 128)]
    found = summarised(rows)
    assert found["csr_breaks_even_at_density"] == {"64x64, batch 1": 0.25}
    assert found["times_as_fast_compacted"]["lenet5, random 0.5, batch 128"] == 2.0
    assert found["times_as_fast_where_nothing_was_cut"] == {}  # half of the weights are left in each
    assert found["times_smaller_compacted"]["lenet5, random 0.1, batch 1"] == 4.0
    assert found["constants_whose_speed_means_nothing"] == []
    assert render(lambda: draw(rows), "png").startswith(b"\x89PNG")


def test_the_speed_of_a_constant_is_claimed_nowhere() -> None:
    fine = [row("networks", "lenet5", 0.1, None, 0.5, batch) for batch in (1, 128)]
    constant = [replace(entry, density=0.01, compacted_ms=0.01, connected=False) for entry in fine]
    found = summarised([row("linear", "64x64", 0.1, 0.5, None), *fine, *constant])
    assert found["constants_whose_speed_means_nothing"] == ["lenet5, random 0.01"]
    for name in ("times_as_fast_compacted", "times_smaller_compacted"):
        assert found[name] and not any("0.01" in label for label in found[name])
    figure = draw([row("linear", "64x64", 0.1, 0.5, None), *fine, *constant])
    drawn = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in figure.axes[1].get_lines()])
    assert drawn.max() == 2.0


def test_a_mask_that_cuts_its_network_through_is_measured_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """LeNet-5 by magnitude, all layers at a hundredth of a percent: too few weights for one way."""
    home = sys.modules[Row.__module__]
    monkeypatch.setattr(home, "NETWORKS", {"lenet5": (1,)})
    monkeypatch.setattr(home, "METHODS", (("magnitude", "global", 1),))
    assert [entry.connected for entry in measured("lenet5 magnitude 0.0001")] == [False]
    assert [entry.connected for entry in measured("lenet5 magnitude 0.5")] == [True]
    assert parts()[-1] == "lenet5 magnitude 0.01"


@pytest.mark.parametrize(
    ("compacted", "same", "words"),
    [
        (0.5, 1.0, "the compacted network is faster, 2.00 times as fast"),
        (2.0, 1.0, "the compacted network is slower, 0.50 times as fast"),
        (0.97, 1.0, "no difference in time"),
        (0.9, 1.2, "no difference in time"),
        (0.9, 1 / 1.2, "no difference in time"),
    ],
)
def test_no_speed_is_claimed_within_the_scatter(compacted: float, same: float, words: str) -> None:
    """A dense network's copy that seems 1.2 times as fast takes the worth from a ratio of 1 / 0.9 = 1.11."""
    module = nn.Sequential(nn.Linear(2, 2))
    small = compact(module, prune(module, Sparsity("random", 1.0), Evidence((2,), torch.Generator())), (2,))
    forms = (Form("dense", 6, 4, 1, None, None, {8: 1.0}), Form("compacted", 6, 4, 1, None, None, {8: compacted}))
    assert words in next(iter(verdict(Comparison(forms, (), {8: same}), small)))
