"""`sparsenas search --task reber --space graph_rnn`, end to end."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nas.best import load_best
from nas.tasks import load_task
from nas.training.evaluate import evaluate
from pruning.parameters import present
from tests.experiments.commands import run


def test_search_on_strings_with_recurrent_graphs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--epochs", 1, "--final-epochs", 1, "--workers", 0, "--threads-per-trial", 1, "--min-density", 0.1]
    names = ["--task", "reber", "--space", "graph_rnn", "--trials", 4, "--min-records", 3, "--oversample", 2]
    said = run(capsys, "search", *names, *settings, "--explore", 0, "--name", "a", "--out", tmp_path, "--json")
    assert said.code == 0, said.err
    assert (said.json["finished"], said.json["failed"]) == (4, 0)
    best = load_best(tmp_path / "a" / "best")
    existing = present(best.module)
    assert all(not bool((best.masks[name] & ~existing[name]).any()) for name in best.masks)
    task = load_task("reber")
    inputs, _ = task.batch(task.test, slice(0, 100))
    assert torch.equal(best.logits(inputs).argmax(1), best.module(inputs).argmax(1))
    assert evaluate(best.module, task.test, task) == pytest.approx(said.json["best"]["test_accuracy"], abs=1e-3)


def test_a_search_whose_trials_train_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--epochs", 1, "--final-epochs", 0, "--threads-per-trial", 1, "--min-density", 0.3, "--no-screen"]
    narrowed = ["--only", "cell=tanh", "--only", "wiring=recurrent", "--executor", "population", "--batch", 3]
    names = ["--task", "reber", "--space", "graph_rnn", "--trials", 3, "--name", "a", "--out", tmp_path, "--json"]
    said = run(capsys, "search", *names, *settings, *narrowed)
    assert said.code == 0, said.err
    assert (said.json["finished"], said.json["failed"]) == (3, 0)
