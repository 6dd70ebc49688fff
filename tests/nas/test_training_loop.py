"""The loop's promises: exact zeros, same bits, named failures, nothing global touched, and that it learns."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import pytest
import torch
from torch import Tensor, nn

from nas.errors import NasError
from nas.outcomes import Epoch
from nas.stage import Stage
from nas.tasks import load_task
from nas.tasks.task import Split, Task
from nas.training import TrainingFailed, evaluate, train, train_masks
from nas.training.arithmetic import choose
from nas.training.deadline import Deadline
from nas.training.failure import memory_errors_named
from nas.training.feed import make_feed
from nas.training.recipe import OptimizerName, Precision, Recipe
from predictors import multiply_adds
from pruning import MaskSet, PruningError, prunable
from pruning.dynamic import TRAININGS


@pytest.fixture(scope="module")
def digits() -> Task:
    return load_task("digits")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _network(seed: int = 0, dropout: float = 0.0) -> nn.Sequential:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(256, 10),
        )


def _masks(module: nn.Module, density: float, seed: int = 1) -> MaskSet:
    generator = torch.Generator().manual_seed(seed)
    return MaskSet({name: torch.rand(p.shape, generator=generator) < density for name, p in prunable(module).items()})


def _bits(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


FAST = Recipe(epochs=1, batch_size=64, learning_rate=0.05, precision="float32")


# ---- masks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_masked_weights_are_exactly_zero_and_the_rest_moved(
    digits: Task, optimizer: OptimizerName, precision: Precision
) -> None:
    module = _network()
    masks = _masks(module, 0.3)
    before = _bits(module)
    rate = 0.05 if optimizer == "sgd" else 0.003
    recipe = replace(FAST, optimizer=optimizer, precision=precision, learning_rate=rate, weight_decay=0.1)
    outcome = train(module, masks, digits, recipe, seed=0)
    for name, mask in masks.items():
        weight = module.get_parameter(name)
        assert (weight[~mask] == 0).all()
        assert (weight[mask] != before[name][mask]).float().mean() > 0.95
        assert weight.is_contiguous()
    assert (outcome.kept, outcome.total) == (masks.kept, masks.total)


def test_the_hold_ends_with_the_training(digits: Task) -> None:
    module = _network()
    masks = _masks(module, 0.3)
    train(module, masks, digits, FAST, seed=0)
    with torch.no_grad():
        module.get_parameter("0.weight").fill_(1.0)
    module(torch.zeros(2, 1, 8, 8))
    assert bool((module.get_parameter("0.weight") == 1).all())


def test_the_hold_ends_and_the_layout_is_plain_after_a_failure(digits: Task) -> None:
    module = _network()
    with pytest.raises(TrainingFailed):
        train(module, _masks(module, 0.3), digits, replace(FAST, learning_rate=1e30), seed=0)
    assert module.get_parameter("3.weight").is_contiguous()
    assert not module._forward_pre_hooks


def test_masks_of_another_network_are_refused(digits: Task) -> None:
    with pytest.raises(PruningError):
        train(_network(), _masks(nn.Linear(3, 3), 0.5), digits, FAST, seed=0)


# ---- reproducibility -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_same_seed_same_bits_another_seed_others(digits: Task, precision: Precision) -> None:
    recipe = replace(FAST, precision=precision, epochs=2)
    runs = []
    for seed in (3, 3, 4):
        module = _network(dropout=0.2)
        torch.rand(seed)  # the global random state does not matter
        outcome = train(module, _masks(module, 0.5), digits, recipe, seed=seed)
        runs.append((_bits(module), outcome))
    assert _same(runs[0][0], runs[1][0])
    assert not _same(runs[0][0], runs[2][0])
    assert [e.train_loss for e in runs[0][1].curve] == [e.train_loss for e in runs[1][1].curve]


def test_nothing_global_is_touched_and_the_task_is_as_it_was(digits: Task) -> None:
    state, benchmark = torch.get_rng_state(), torch.backends.cudnn.benchmark
    inputs = digits.train.inputs.clone()
    module = _network(dropout=0.5)
    train(module, _masks(module, 0.5), digits, FAST, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.backends.cudnn.benchmark == benchmark
    assert torch.equal(digits.train.inputs, inputs)
    assert module.training


def test_validating_between_epochs_does_not_change_the_training(digits: Task) -> None:
    results = []
    for every in (0, 1):
        module = _network()
        train(module, _masks(module, 0.5), digits, replace(FAST, epochs=2, evaluate_every=every), seed=0)
        results.append(_bits(module))
    assert _same(*results)


def test_the_test_split_is_never_read(digits: Task) -> None:
    poisoned = replace(digits, test=Split(torch.empty(0), torch.empty(0)))
    module, same = _network(), _network()
    one = train(module, _masks(module, 0.5), poisoned, FAST, seed=0)
    two = train(same, _masks(same, 0.5), digits, FAST, seed=0)
    assert one.val_accuracy == two.val_accuracy
    assert one.test_accuracy is None


# ---- what comes out ------------------------------------------------------------------------------------------


def test_a_sparse_network_learns_digits(digits: Task) -> None:
    """Chance is 10 %; this network reaches about 95 %, so 85 % fails only if something is broken."""
    module = _network()
    outcome = train(module, _masks(module, 0.5), digits, replace(FAST, epochs=8), seed=0)
    assert outcome.val_accuracy > 0.85
    assert outcome.curve[-1].train_loss < outcome.curve[0].train_loss
    assert evaluate(module, digits.val, digits) == pytest.approx(outcome.val_accuracy, abs=0.01)


def test_epochs_are_told_in_order_and_the_last_is_always_validated(digits: Task) -> None:
    told: list[Epoch] = []
    module = _network()
    recipe = replace(FAST, epochs=5, evaluate_every=2)
    outcome = train(module, _masks(module, 0.5), digits, recipe, seed=0, on_epoch=told.append)
    assert tuple(told) == outcome.curve
    assert [e.epoch for e in told] == [1, 2, 3, 4, 5]
    assert [e.val_accuracy is not None for e in told] == [False, True, False, True, True]
    assert all(math.isfinite(e.train_loss) and 0 <= e.train_accuracy <= 1 for e in told)
    assert outcome.val_accuracy == told[-1].val_accuracy
    assert sum(e.seconds for e in told) <= outcome.seconds


def test_evaluate_counts_exactly_over_a_ragged_last_batch(digits: Task) -> None:
    class Constant(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return torch.eye(10)[3].expand(len(inputs), 10)

    expected = int((digits.val.targets == 3).sum()) / 360
    module = Constant()
    assert evaluate(module, digits.val, digits) == expected
    assert module.training


def test_evaluate_puts_mixed_modes_back(digits: Task) -> None:
    module = _network()
    module[1].eval()
    evaluate(module, digits.val, digits)
    assert module.training
    assert not module[1].training


# ---- failures ------------------------------------------------------------------------------------------------


def test_a_diverging_loss_is_named(digits: Task) -> None:
    module = _network()
    recipe = replace(FAST, learning_rate=1e30, warmup=0.0)
    with pytest.raises(TrainingFailed, match="training loss must stay finite; got") as caught:
        train(module, _masks(module, 0.5), digits, recipe, seed=0)
    failure = caught.value.failure(1.5)
    assert (failure.error, failure.seconds) == ("non_finite_loss", 1.5)
    assert "\n" not in failure.message


def test_outputs_that_are_not_finite_are_named(digits: Task) -> None:
    module = _network()
    with torch.no_grad():
        module.get_parameter("8.bias").fill_(math.nan)
    with pytest.raises(TrainingFailed, match="outputs must be finite"):
        evaluate(module, digits.val, digits)


def test_the_time_limit_ends_a_training(digits: Task) -> None:
    module = _network()
    with pytest.raises(TrainingFailed, match=r"must end within 0.2 s") as caught:
        train(module, _masks(module, 0.5), digits, replace(FAST, epochs=10_000), seed=0, time_limit_seconds=0.2)
    assert caught.value.error == "time_limit"


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan, math.inf])
def test_a_limit_that_is_none_is_refused(limit: float) -> None:
    with pytest.raises(NasError, match="time limit must be more than 0 seconds"):
        Deadline(limit)


def test_out_of_memory_in_the_network_is_named(digits: Task) -> None:
    class Greedy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(64, 10)

        def forward(self, inputs: Tensor) -> Tensor:
            if self.training and inputs.shape[0] == FAST.batch_size:
                torch.empty(1 << 60, dtype=torch.uint8)
            logits: Tensor = self.linear(inputs.flatten(1))
            return logits

    module = Greedy()
    with pytest.raises(TrainingFailed) as caught:
        train(module, _masks(module, 0.5), digits, FAST, seed=0)
    assert caught.value.error == "out_of_memory"
    assert "\n" not in caught.value.message
    assert caught.value.__context__ is not None
    assert caught.value.__context__.__traceback__ is None  # or it would keep the tensors alive


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory.")])
def test_every_allocator_is_understood(error: Exception) -> None:
    with pytest.raises(TrainingFailed, match="out_of_memory"), memory_errors_named():
        raise error


def test_other_errors_pass_through() -> None:
    with pytest.raises(RuntimeError, match="a shape mistake"), memory_errors_named():
        raise RuntimeError("a shape mistake")


def test_a_batch_larger_than_the_task_is_refused(digits: Task) -> None:
    module = _network()
    with pytest.raises(NasError, match="batch_size must be at most the 1077 training images of 'digits'; got 2000"):
        train(module, _masks(module, 0.5), digits, replace(FAST, batch_size=2000), seed=0)


# ---- the feed ------------------------------------------------------------------------------------------------


def test_an_epoch_has_whole_batches_of_different_images_in_a_new_order_each_time(digits: Task) -> None:
    recipe = replace(FAST, crop_pad=0, batch_size=100)
    feed = make_feed(digits, recipe, choose(torch.device("cpu"), "float32", None), seed=0)
    rows, _ = digits.batch(digits.train, slice(None))
    known = {tuple(row.flatten().tolist()) for row in rows}
    epochs = [list(feed.epoch()) for _ in range(2)]
    for batches in epochs:
        assert [tuple(inputs.shape) for inputs, _ in batches] == [(100, 1, 8, 8)] * feed.steps
        assert feed.steps == 10
        seen = [tuple(image.flatten().tolist()) for inputs, _ in batches for image in inputs]
        assert set(seen) <= known
        assert len(set(seen)) >= 1000 - (len(rows) - len(known))
    assert not torch.equal(epochs[0][0][0], epochs[1][0][0])


def test_crop_pad_replaces_that_of_the_task(digits: Task) -> None:
    arithmetic = choose(torch.device("cpu"), "float32", None)
    for pad, expected in ((None, 1), (0, 0), (3, 3)):
        feed = make_feed(digits, replace(FAST, crop_pad=pad), arithmetic, seed=0)
        assert feed.task.augment is not None
        assert feed.task.augment.pad == expected
        assert feed.task.augment.border == "zero"


# ---- stages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("optimizer", "rate", "precision"), [("sgd", 0.05, "auto"), ("adamw", 0.003, "float32")])
def test_stages_come_to_the_same_bits_as_one_training(
    digits: Task, tmp_path: Path, optimizer: OptimizerName, rate: float, precision: Precision
) -> None:
    """Dropout, batch norm, augmentation, momentum, decay: all of it goes on where it was."""
    recipe = replace(FAST, epochs=4, optimizer=optimizer, learning_rate=rate, precision=precision, weight_decay=0.01)
    whole = _network(dropout=0.3)
    masks = _masks(whole, 0.4)
    expected = train(whole, masks, digits, recipe, seed=7)
    path = tmp_path / "a.safetensors"
    for until in (1, 3, 4):
        part = _network(dropout=0.3)
        outcome = train(part, masks, digits, recipe, seed=7, stage=Stage(until, path))
        assert outcome.epochs == until and [epoch.epoch for epoch in outcome.curve] == list(range(1, until + 1))
    assert _same(_bits(part), _bits(whole))
    assert outcome.val_accuracy == expected.val_accuracy
    assert [e.train_loss for e in outcome.curve] == [e.train_loss for e in expected.curve]
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize("training", sorted(TRAININGS))
def test_stages_with_a_moving_mask_come_to_the_same_bits(digits: Task, tmp_path: Path, training: str) -> None:
    recipe, path = replace(FAST, epochs=4), tmp_path / "a"
    whole = _network()
    masks = _masks(whole, 0.3)
    expected = train_masks(whole, masks, digits, recipe, seed=7, training=training)
    for until in (1, 2, 4):
        part = _network()
        found = train_masks(part, masks, digits, recipe, seed=7, training=training, stage=Stage(until, path))
    assert _same(_bits(part), _bits(whole))
    assert found.masks == expected.masks
    assert found.outcome.training_density == expected.outcome.training_density
    told: list[Epoch] = []
    train_masks(_network(), masks, digits, recipe, seed=7, training="set", stage=Stage(2, path), on_epoch=told.append)
    assert len(told) == (0 if training == "set" else 2)  # a checkpoint of another training is not resumed


def test_a_stage_goes_on_and_does_not_start_over(digits: Task, tmp_path: Path) -> None:
    recipe, masks = replace(FAST, epochs=3), _masks(_network(), 0.5)
    told: list[Epoch] = []
    for until in (2, 3):
        train(_network(), masks, digits, recipe, seed=0, stage=Stage(until, tmp_path / "c"), on_epoch=told.append)
    assert [epoch.epoch for epoch in told] == [1, 2, 3]
    again = train(_network(), masks, digits, recipe, seed=0, stage=Stage(2, tmp_path / "c"), on_epoch=told.append)
    assert len(told) == 3 and again.epochs == 2  # all of it was in the checkpoint


@pytest.mark.parametrize("damage", ["absent", "cut", "foreign", "other seed", "too far", "unwritable"])
def test_a_checkpoint_of_no_use_costs_time_only(digits: Task, tmp_path: Path, damage: str) -> None:
    recipe, masks, path = replace(FAST, epochs=3), _masks(_network(), 0.5), tmp_path / "c"
    expected = train(_network(), masks, digits, recipe, seed=0)
    train(_network(), masks, digits, recipe, seed=int(damage == "other seed"), stage=Stage(2, path))
    if damage == "absent":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "foreign":
        path.write_bytes(b"no tensors here")
    elif damage == "too far":
        assert train(_network(), masks, digits, recipe, seed=0, stage=Stage(1, path)).epochs == 1
    elif damage == "unwritable":
        (tmp_path / "file").touch()
        path = tmp_path / "file" / "c"
    train(_network(), masks, digits, recipe, seed=0, stage=Stage(2, path))
    module = _network()
    assert train(module, masks, digits, recipe, seed=0, stage=Stage(3, path)).curve[-1] == replace(
        expected.curve[-1], seconds=ANY
    )


@pytest.mark.parametrize("until", [0, 4])
def test_a_stage_outside_the_training_is_refused(digits: Task, until: int) -> None:
    with pytest.raises(NasError, match=rf"a stage must end after 1 to 3 epochs.*got {until}"):
        train(_network(), _masks(_network(), 0.5), digits, replace(FAST, epochs=3), seed=0, stage=Stage(until))


# ---- masks that move -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", sorted(TRAININGS))
def test_a_moving_mask_ends_with_the_counts_it_was_given(digits: Task, training: str) -> None:
    module = _network()
    masks = _masks(module, 0.3)
    before = multiply_adds(module, (1, 8, 8), masks)
    trained = train_masks(module, masks, digits, FAST, seed=0, training=training)
    assert trained.masks.counts() == masks.counts()
    assert (trained.masks == masks) == (training == "static")
    assert (trained.outcome.kept, trained.outcome.multiply_adds) == (masks.kept, before)
    for name, mask in trained.masks.items():
        assert (module.get_parameter(name)[~mask] == 0).all()
    again = _network()
    assert train_masks(again, masks, digits, FAST, seed=0, training=training).masks == trained.masks
    assert _same(_bits(module), _bits(again))
    assert trained.masks.metadata.get("training", "static") == training


def test_a_static_training_is_training(digits: Task) -> None:
    one, two = _network(), _network()
    outcome = train(one, _masks(one, 0.3), digits, FAST, seed=0)
    trained = train_masks(two, _masks(two, 0.3), digits, FAST, seed=0).outcome
    assert _same(_bits(one), _bits(two))
    assert outcome.val_accuracy == trained.val_accuracy
    assert outcome.training_density is None


def test_what_gradual_pruning_trained_is_counted(digits: Task) -> None:
    """By hand: the density before each step, which falls along the cubic of Zhu and Gupta to the pattern's."""
    module = _network()
    masks = _masks(module, 0.2)
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
    regrown = train_masks(_network(), masks, digits, recipe, seed=0, training="rigl").outcome
    assert regrown.training_density == pytest.approx(masks.density)


def test_an_unknown_training_is_refused(digits: Task) -> None:
    module = _network()
    with pytest.raises(NasError, match="unknown training 'rigle'; did you mean 'rigl'"):
        train_masks(module, _masks(module, 0.5), digits, FAST, seed=0, training="rigle")


@pytest.mark.parametrize("training", ["rigl", "set", "gmp"])
def test_a_moving_mask_that_diverges_is_a_named_failure(digits: Task, training: str) -> None:
    module = _network()
    with pytest.raises(TrainingFailed, match="non_finite_loss"):
        train_masks(
            module, _masks(module, 0.3), digits, replace(FAST, learning_rate=1e30, epochs=3), seed=0, training=training
        )
