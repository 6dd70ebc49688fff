"""Trainings that stop and go on, and trainings whose mask moves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import pytest

from nas.errors import NasError
from nas.outcomes import Epoch
from nas.stage import Stage
from nas.tasks.task import Task
from nas.training import TrainingFailed, train, train_masks
from nas.training.recipe import OptimizerName, Precision
from predictors import multiply_adds
from pruning.dynamic import TRAININGS
from tests.nas.test_training_loop import FAST, bits, network, random_masks, same

pytestmark = pytest.mark.usefixtures("one_thread")


# ---- stages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("optimizer", "rate", "precision"), [("sgd", 0.05, "auto"), ("adamw", 0.003, "float32")])
def test_stages_come_to_the_same_bits_as_one_training(
    digits: Task, tmp_path: Path, optimizer: OptimizerName, rate: float, precision: Precision
) -> None:
    """Dropout, batch norm, augmentation, momentum, decay: all of it goes on where it was."""
    recipe = replace(FAST, epochs=4, optimizer=optimizer, learning_rate=rate, precision=precision, weight_decay=0.01)
    whole = network(dropout=0.3)
    masks = random_masks(whole, 0.4)
    expected = train(whole, masks, digits, recipe, seed=7)
    path = tmp_path / "a.safetensors"
    for until in (1, 3, 4):
        part = network(dropout=0.3)
        outcome = train(part, masks, digits, recipe, seed=7, stage=Stage(until, path))
        assert outcome.epochs == until and [epoch.epoch for epoch in outcome.curve] == list(range(1, until + 1))
    assert same(bits(part), bits(whole))
    assert outcome.val_accuracy == expected.val_accuracy
    assert [e.train_loss for e in outcome.curve] == [e.train_loss for e in expected.curve]
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize("training", sorted(TRAININGS))
def test_stages_with_a_moving_mask_come_to_the_same_bits(digits: Task, tmp_path: Path, training: str) -> None:
    recipe, path = replace(FAST, epochs=4), tmp_path / "a"
    whole = network()
    masks = random_masks(whole, 0.3)
    expected = train_masks(whole, masks, digits, recipe, seed=7, training=training)
    for until in (1, 2, 4):
        part = network()
        found = train_masks(part, masks, digits, recipe, seed=7, training=training, stage=Stage(until, path))
    assert same(bits(part), bits(whole))
    assert found.masks == expected.masks
    assert found.outcome.training_density == expected.outcome.training_density
    told: list[Epoch] = []
    train_masks(network(), masks, digits, recipe, seed=7, training="set", stage=Stage(2, path), on_epoch=told.append)
    assert len(told) == (0 if training == "set" else 2)  # a checkpoint of another training is not resumed


def test_a_stage_goes_on_and_does_not_start_over(digits: Task, tmp_path: Path) -> None:
    recipe, masks = replace(FAST, epochs=3), random_masks(network(), 0.5)
    told: list[Epoch] = []
    for until in (2, 3):
        train(network(), masks, digits, recipe, seed=0, stage=Stage(until, tmp_path / "c"), on_epoch=told.append)
    assert [epoch.epoch for epoch in told] == [1, 2, 3]
    again = train(network(), masks, digits, recipe, seed=0, stage=Stage(2, tmp_path / "c"), on_epoch=told.append)
    assert len(told) == 3 and again.epochs == 2  # all of it was in the checkpoint


@pytest.mark.parametrize("damage", ["absent", "cut", "foreign", "other seed", "too far", "unwritable"])
def test_a_checkpoint_of_no_use_costs_time_only(digits: Task, tmp_path: Path, damage: str) -> None:
    recipe, masks, path = replace(FAST, epochs=3), random_masks(network(), 0.5), tmp_path / "c"
    expected = train(network(), masks, digits, recipe, seed=0)
    train(network(), masks, digits, recipe, seed=int(damage == "other seed"), stage=Stage(2, path))
    if damage == "absent":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "foreign":
        path.write_bytes(b"no tensors here")
    elif damage == "too far":
        assert train(network(), masks, digits, recipe, seed=0, stage=Stage(1, path)).epochs == 1
    elif damage == "unwritable":
        (tmp_path / "file").touch()
        path = tmp_path / "file" / "c"
    train(network(), masks, digits, recipe, seed=0, stage=Stage(2, path))
    module = network()
    assert train(module, masks, digits, recipe, seed=0, stage=Stage(3, path)).curve[-1] == replace(
        expected.curve[-1], seconds=ANY
    )


@pytest.mark.parametrize("until", [0, 4])
def test_a_stage_outside_the_training_is_refused(digits: Task, until: int) -> None:
    with pytest.raises(NasError, match=rf"a stage must end after 1 to 3 epochs.*got {until}"):
        train(network(), random_masks(network(), 0.5), digits, replace(FAST, epochs=3), seed=0, stage=Stage(until))


# ---- masks that move -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", sorted(TRAININGS))
def test_a_moving_mask_ends_with_the_counts_it_was_given(digits: Task, training: str) -> None:
    module = network()
    masks = random_masks(module, 0.3)
    before = multiply_adds(module, (1, 8, 8), masks)
    trained = train_masks(module, masks, digits, FAST, seed=0, training=training)
    assert trained.masks.counts() == masks.counts()
    assert (trained.masks == masks) == (training == "static")
    assert (trained.outcome.kept, trained.outcome.multiply_adds) == (masks.kept, before)
    for name, mask in trained.masks.items():
        assert (module.get_parameter(name)[~mask] == 0).all()
    again = network()
    assert train_masks(again, masks, digits, FAST, seed=0, training=training).masks == trained.masks
    assert same(bits(module), bits(again))
    assert trained.masks.metadata.get("training", "static") == training


def test_a_static_training_is_training(digits: Task) -> None:
    one, two = network(), network()
    outcome = train(one, random_masks(one, 0.3), digits, FAST, seed=0)
    trained = train_masks(two, random_masks(two, 0.3), digits, FAST, seed=0).outcome
    assert same(bits(one), bits(two))
    assert outcome.val_accuracy == trained.val_accuracy
    assert outcome.training_density is None


def test_what_gradual_pruning_trained_is_counted(digits: Task) -> None:
    """By hand: the density before each step, which falls along the cubic of Zhu and Gupta to the pattern's."""
    module = network()
    masks = random_masks(module, 0.2)
    recipe = replace(FAST, epochs=2)
    steps = 2 * (len(digits.train) // 64)
    end = 3 * steps // 4
    density, spent = 1.0, 0.0
    for step in range(1, steps + 1):
        spent += density
        if (step <= end and step % (end // 15) == 0) or step == end:
            density = masks.density + (1 - masks.density) * (1 - step / end) ** 3
    outcome = train_masks(module, masks, digits, recipe, seed=0, training="gmp").outcome
    assert outcome.training_density == pytest.approx(spent / steps, abs=2 / masks.total)
    assert outcome.density == masks.density
    regrown = train_masks(network(), masks, digits, recipe, seed=0, training="rigl").outcome
    assert regrown.training_density == pytest.approx(masks.density)


def test_an_unknown_training_is_refused(digits: Task) -> None:
    module = network()
    with pytest.raises(NasError, match="unknown training 'rigle'; did you mean 'rigl'"):
        train_masks(module, random_masks(module, 0.5), digits, FAST, seed=0, training="rigle")


@pytest.mark.parametrize("training", ["rigl", "set", "gmp"])
def test_a_moving_mask_that_diverges_is_a_named_failure(digits: Task, training: str) -> None:
    module = network()
    with pytest.raises(TrainingFailed, match="non_finite_loss"):
        train_masks(
            module,
            random_masks(module, 0.3),
            digits,
            replace(FAST, learning_rate=1e30, epochs=3),
            seed=0,
            training=training,
        )
