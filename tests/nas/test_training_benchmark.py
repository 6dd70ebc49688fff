"""The training benchmark runs and its rows agree with each other; how fast anything is, no test says."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from experiments.benchmarks.training import _Images, measure_augmentation, measure_training
from nas.tasks import load_task
from nas.tasks.augment import Augmentation
from nas.training import Recipe


def test_rows_are_consistent() -> None:
    def make_module() -> nn.Module:
        with torch.random.fork_rng([]):
            return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))

    recipe = Recipe(epochs=1, batch_size=32)
    rows = measure_training(make_module, load_task("digits"), recipe, images=128, repeats=2)
    assert [row.repeats for row in rows] == [2, 2, 2]
    assert rows[0].ratio == 1
    for row in rows:
        assert 0 < row.lowest <= row.images_per_second <= row.highest
        assert row.ratio == pytest.approx(row.images_per_second / rows[0].images_per_second)


def test_the_plain_way_does_the_same_work() -> None:
    """Without shifts both ways give the same normalised images."""
    task = load_task("digits")
    plain = _Images(task.train, task.normalise, Augmentation(0))
    expected, targets = task.batch(task.train, slice(5))
    for index in range(5):
        image, label = plain[index]
        assert torch.allclose(image, expected[index], atol=1e-5)
        assert label == int(targets[index])


def test_augmentation_takes_some_time() -> None:
    assert measure_augmentation(load_task("digits"), batch_size=32, repeats=3) > 0
