"""A stack is its members trained alone: losses, accuracies, weights, running statistics; and shares no failure."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from nas.batch_trial import Member, run_trials, stacks
from nas.candidates import Candidate
from nas.errors import NasError
from nas.executors import Job
from nas.outcomes import Failure, Outcome
from nas.realize import realize
from nas.tasks import Task, load_task
from nas.training import Recipe, TrainingFailed, train
from nas.training.stacked import kind, stackable, train_stacked
from nas.trial import TrialSettings, run_trial
from pruning import MaskSet, Sparsity
from search_spaces import SPACES

SGD = Recipe(epochs=2, batch_size=32, learning_rate=0.1, label_smoothing=0.1, precision="float32", evaluate_every=1)
ADAM = replace(SGD, optimizer="adamw", learning_rate=0.003)
NETWORKS: dict[str, dict[str, str | int | float]] = {
    "mlp": {"layers": 2, "activation": "gelu", "norm": "batch", "layer1.width": 32, "layer2.width": 16},
    "convnet": {"stages": 2, "stage1.kind": "residual", "stage2.kind": "separable", "stage1.width": 12},
    "graph_mlp": {"nodes": 12, "units": 4, "generator": "barabasi_albert"},
}
every_space = pytest.mark.parametrize("space", NETWORKS)


@pytest.fixture(scope="module")
def task() -> Task:
    """256 training digits, moved about as in any training."""
    whole = load_task("digits")
    parts = {name: getattr(whole, name).take(torch.arange(256)) for name in ("train", "val")}
    return replace(whole, **parts)


def candidates(space: str, count: int = 3) -> list[Candidate]:
    """Candidates of one architecture, each with a pattern and a seed of its own."""
    choices = SPACES[space].choices
    genes: dict[str, str | int | float] = {choice.name: choice.values[0] for choice in choices} | NETWORKS[space]
    made = SPACES[space].canonical(SPACES[space].encode(genes))
    methods = ("random", "snip", "magnitude")
    return [Candidate(made, Sparsity(methods[i % 3], 0.3 + 0.1 * i), seed=i) for i in range(count)]


def realized(wanted: Sequence[Candidate], task: Task) -> tuple[list[nn.Module], list[MaskSet]]:
    pairs = [realize(candidate, task) for candidate in wanted]
    return [module for module, _ in pairs], [masks for _, masks in pairs]


def distance(first: nn.Module, second: nn.Module) -> float:
    """The largest difference of two networks' parameters and buffers."""
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return max(float((a.double() - b.double()).abs().max()) for a, b in pairs)


@every_space
@pytest.mark.parametrize("recipe", [SGD, ADAM], ids=["sgd", "adamw"])
def test_members_end_where_they_do_alone(space: str, recipe: Recipe, task: Task) -> None:
    wanted = candidates(space)
    modules, masks = realized(wanted, task)
    alone = copy.deepcopy(modules)
    seeds = [candidate.seed for candidate in wanted]
    together = train_stacked(modules, masks, task, recipe, seeds=seeds)
    for module, other, mask, seed, found in zip(modules, alone, masks, seeds, together, strict=True):
        expected = train(other, mask, task, recipe, seed=seed)
        assert isinstance(found, Outcome)
        assert distance(module, other) < 2e-3  # 16 steps multiply the rounding of sums in another order
        assert (found.kept, found.total, found.multiply_adds) == (expected.kept, expected.total, expected.multiply_adds)
        for ours, theirs in zip(found.curve, expected.curve, strict=True):
            assert ours.train_loss == pytest.approx(theirs.train_loss, abs=1e-3)
            assert ours.val_accuracy == pytest.approx(theirs.val_accuracy, abs=2 / 256)
        for name, kept in mask.items():
            assert not module.get_parameter(name)[~kept].any()


def test_one_step_is_the_same_to_rounding(task: Task) -> None:
    recipe = replace(SGD, epochs=1, batch_size=256)
    wanted = candidates("mlp")
    modules, masks = realized(wanted, task)
    alone = copy.deepcopy(modules)
    train_stacked(modules, masks, task, recipe, seeds=[0, 1, 2])
    for module, other, mask, seed in zip(modules, alone, masks, (0, 1, 2), strict=True):
        train(other, mask, task, recipe, seed=seed)
        assert distance(module, other) < 1e-6


def test_a_member_does_not_change_when_its_neighbours_do(task: Task) -> None:
    modules, masks = realized(candidates("mlp", 4), task)
    first, second = copy.deepcopy(modules[:2]), [copy.deepcopy(modules[0]), copy.deepcopy(modules[3])]
    train_stacked(first, masks[:2], task, SGD, seeds=[0, 1])
    train_stacked(second, [masks[0], masks[3]], task, SGD, seeds=[0, 7])
    assert distance(first[0], second[0]) < 1e-6
    assert distance(first[1], second[1]) > 1e-3


def test_a_member_that_diverges_fails_alone(task: Task) -> None:
    modules, masks = realized(candidates("mlp"), task)
    with torch.no_grad():
        next(iter(modules[1].parameters())).fill_(float("inf"))
    alone = copy.deepcopy(modules[0])
    found = train_stacked(modules, masks, task, SGD, seeds=[0, 1, 2])
    assert isinstance(found[1], Failure)
    assert found[1].error == "non_finite_loss"
    assert isinstance(found[0], Outcome) and isinstance(found[2], Outcome)
    train(alone, masks[0], task, SGD, seed=0)
    assert distance(modules[0], alone) < 2e-3


def test_a_batch_has_the_results_that_trials_have_alone(task: Task) -> None:
    settings = TrialSettings(SGD)
    wanted = [*candidates("mlp"), *candidates("graph_mlp", 1), *candidates("convnet", 2)]
    jobs = [Job(number, candidate) for number, candidate in enumerate(wanted)]
    for job, found in zip(jobs, run_trials(jobs, task, settings), strict=True):
        expected = run_trial(job, task, settings)
        assert isinstance(found, Outcome) and isinstance(expected, Outcome)
        assert (found.kept, found.multiply_adds) == (expected.kept, expected.multiply_adds)
        assert found.curve[-1].train_loss == pytest.approx(expected.curve[-1].train_loss, abs=1e-3)


def test_only_equal_architectures_share_a_stack(task: Task) -> None:
    wanted = [*candidates("mlp", 2), *candidates("convnet", 1), *candidates("mlp", 3)[2:]]
    modules, masks = realized(wanted, task)
    members = [Member(place, place, *pair) for place, pair in enumerate(zip(modules, masks, strict=True))]
    assert [[member.place for member in stack] for stack in stacks(members)] == [[0, 1, 3], [2]]
    with pytest.raises(NasError, match="all of one kind; got 2 kinds"):
        train_stacked(modules, masks, task, SGD, seeds=[0, 1, 2, 3])


def test_what_gains_nothing_by_a_stack_is_trained_alone(task: Task) -> None:
    assert stackable(nn.Linear(10, 10), (10,), "cpu")
    assert not stackable(nn.Linear(1_000, 1_000), (1_000,), "cpu")
    assert stackable(nn.Linear(1_000, 1_000), (1_000,), "cuda")
    assert not stackable(nn.Sequential(nn.Linear(2, 2), nn.Dropout()), (2,), "cuda")
    assert not stackable(nn.GRU(2, 2), (5, 2), "cuda")
    assert kind(nn.Conv2d(4, 4, 3)) != kind(nn.Conv2d(4, 4, 3, stride=2))


def test_a_time_limit_is_of_all_of_them(task: Task) -> None:
    modules, masks = realized(candidates("mlp"), task)
    with pytest.raises(TrainingFailed, match="time_limit"):
        train_stacked(modules, masks, task, SGD, seeds=[0, 1, 2], time_limit_seconds=1e-6)


def test_every_network_needs_a_seed(task: Task) -> None:
    modules, masks = realized(candidates("mlp"), task)
    with pytest.raises(NasError, match="a mask and a seed each; got 3 networks, 3 masks and 1 seeds"):
        train_stacked(modules, masks, task, SGD, seeds=[0])


def test_bfloat16_trains_too(task: Task) -> None:
    """Its rounding is far coarser than that of sums in another order: the outcome is close, not equal."""
    recipe = replace(SGD, precision="bfloat16")
    modules, masks = realized(candidates("convnet"), task)
    alone: list[Tensor] = []
    for outcome in train_stacked(copy.deepcopy(modules), masks, task, recipe, seeds=[0, 1, 2]):
        assert isinstance(outcome, Outcome)
        alone.append(torch.tensor(outcome.curve[0].train_loss))
    for loss, module, mask, seed in zip(alone, modules, masks, range(3), strict=True):
        assert float(loss) == pytest.approx(train(module, mask, task, recipe, seed=seed).curve[0].train_loss, abs=0.1)
