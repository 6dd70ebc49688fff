"""The loop's promises: exact zeros, same bits, named failures, nothing global touched, and that it learns."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from nas.errors import NasError
from nas.outcomes import Epoch
from nas.tasks.task import Split, Task
from nas.training import TrainingFailed, evaluate, train
from nas.training.arithmetic import choose
from nas.training.deadline import Deadline
from nas.training.failure import memory_errors_named
from nas.training.feed import make_feed
from nas.training.recipe import OptimizerName, Precision, Recipe
from pruning import MaskSet, PruningError, prunable

pytestmark = pytest.mark.usefixtures("one_thread")


def network(seed: int = 0, dropout: float = 0.0) -> nn.Sequential:
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


def random_masks(module: nn.Module, density: float, seed: int = 1) -> MaskSet:
    generator = torch.Generator().manual_seed(seed)
    return MaskSet({name: torch.rand(p.shape, generator=generator) < density for name, p in prunable(module).items()})


def bits(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


FAST = Recipe(epochs=1, batch_size=64, learning_rate=0.05, precision="float32")


# ---- masks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_masked_weights_are_exactly_zero_and_the_rest_moved(
    digits: Task, optimizer: OptimizerName, precision: Precision
) -> None:
    module = network()
    masks = random_masks(module, 0.3)
    before = bits(module)
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
    module = network()
    masks = random_masks(module, 0.3)
    train(module, masks, digits, FAST, seed=0)
    with torch.no_grad():
        module.get_parameter("0.weight").fill_(1.0)
    module(torch.zeros(2, 1, 8, 8))
    assert bool((module.get_parameter("0.weight") == 1).all())


def test_the_hold_ends_and_the_layout_is_plain_after_a_failure(digits: Task) -> None:
    module = network()
    with pytest.raises(TrainingFailed):
        train(module, random_masks(module, 0.3), digits, replace(FAST, learning_rate=1e30), seed=0)
    assert module.get_parameter("3.weight").is_contiguous()
    assert not module._forward_pre_hooks


def test_masks_of_another_network_are_refused(digits: Task) -> None:
    with pytest.raises(PruningError):
        train(network(), random_masks(nn.Linear(3, 3), 0.5), digits, FAST, seed=0)


# ---- reproducibility -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_same_seed_same_bits_another_seed_others(digits: Task, precision: Precision) -> None:
    recipe = replace(FAST, precision=precision, epochs=2)
    runs = []
    for seed in (3, 3, 4):
        module = network(dropout=0.2)
        torch.rand(seed)  # the global random state does not matter
        outcome = train(module, random_masks(module, 0.5), digits, recipe, seed=seed)
        runs.append((bits(module), outcome))
    assert same(runs[0][0], runs[1][0])
    assert not same(runs[0][0], runs[2][0])
    assert [e.train_loss for e in runs[0][1].curve] == [e.train_loss for e in runs[1][1].curve]


def test_nothing_global_is_touched_and_the_task_is_as_it_was(digits: Task) -> None:
    state, benchmark = torch.get_rng_state(), torch.backends.cudnn.benchmark
    inputs = digits.train.inputs.clone()
    module = network(dropout=0.5)
    train(module, random_masks(module, 0.5), digits, FAST, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.backends.cudnn.benchmark == benchmark
    assert torch.equal(digits.train.inputs, inputs)
    assert module.training


def test_validating_between_epochs_does_not_change_the_training(digits: Task) -> None:
    results = []
    for every in (0, 1):
        module = network()
        train(module, random_masks(module, 0.5), digits, replace(FAST, epochs=2, evaluate_every=every), seed=0)
        results.append(bits(module))
    assert same(*results)


def test_the_test_split_is_never_read(digits: Task) -> None:
    poisoned = replace(digits, test=Split(torch.empty(0), torch.empty(0)))
    module, same = network(), network()
    one = train(module, random_masks(module, 0.5), poisoned, FAST, seed=0)
    two = train(same, random_masks(same, 0.5), digits, FAST, seed=0)
    assert one.val_accuracy == two.val_accuracy
    assert one.test_accuracy is None


# ---- what comes out ------------------------------------------------------------------------------------------


def test_a_sparse_network_learns_digits(digits: Task) -> None:
    """Chance is 10 %; this network reaches about 95 %, so 85 % fails only if something is broken."""
    module = network()
    outcome = train(module, random_masks(module, 0.5), digits, replace(FAST, epochs=8), seed=0)
    assert outcome.val_accuracy > 0.85
    assert outcome.curve[-1].train_loss < outcome.curve[0].train_loss
    assert evaluate(module, digits.val, digits) == pytest.approx(outcome.val_accuracy, abs=0.01)


def test_epochs_are_told_in_order_and_the_last_is_always_validated(digits: Task) -> None:
    told: list[Epoch] = []
    module = network()
    recipe = replace(FAST, epochs=5, evaluate_every=2)
    outcome = train(module, random_masks(module, 0.5), digits, recipe, seed=0, on_epoch=told.append)
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
    module = network()
    module[1].eval()
    evaluate(module, digits.val, digits)
    assert module.training
    assert not module[1].training


# ---- failures ------------------------------------------------------------------------------------------------


def test_a_diverging_loss_is_named(digits: Task) -> None:
    module = network()
    recipe = replace(FAST, learning_rate=1e30, warmup=0.0)
    with pytest.raises(TrainingFailed, match="training loss must stay finite; got") as caught:
        train(module, random_masks(module, 0.5), digits, recipe, seed=0)
    failure = caught.value.failure(1.5)
    assert (failure.error, failure.seconds) == ("non_finite_loss", 1.5)
    assert "\n" not in failure.message


def test_outputs_that_are_not_finite_are_named(digits: Task) -> None:
    module = network()
    with torch.no_grad():
        module.get_parameter("8.bias").fill_(math.nan)
    with pytest.raises(TrainingFailed, match="outputs must be finite"):
        evaluate(module, digits.val, digits)


def test_the_time_limit_ends_a_training(digits: Task) -> None:
    module = network()
    with pytest.raises(TrainingFailed, match=r"must end within 0.2 s") as caught:
        train(module, random_masks(module, 0.5), digits, replace(FAST, epochs=10_000), seed=0, time_limit_seconds=0.2)
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
        train(module, random_masks(module, 0.5), digits, FAST, seed=0)
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
    module = network()
    with pytest.raises(NasError, match="batch_size must be at most the 1077 training images of 'digits'; got 2000"):
        train(module, random_masks(module, 0.5), digits, replace(FAST, batch_size=2000), seed=0)


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
