"""A population is its members trained alone: gradients, a hundred steps, neighbours, divergence, pruned weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.errors import NasError
from nas.outcomes import Failure, Outcome
from nas.seeds import stream
from nas.tasks import Task, load_task
from nas.tasks.reber.corpus import tokens
from nas.tasks.reber.one_hot import OneHot
from nas.tasks.task import Split
from nas.training import Recipe, train
from nas.training.population import train_population
from nas.training.population.cells import CELLS
from nas.training.population.gradient import gradient
from nas.training.population.members import gather, scatter_
from nas.training.population.packing import pack
from pruning import Evidence, MaskSet, Sparsity, prunable, prune
from pruning.parameters import present
from search_spaces.graphs import watts_strogatz
from search_spaces.graphs.networks import GraphRNN, LayeredRNN
from search_spaces.initialize import initialize

every_cell = pytest.mark.parametrize("cell", CELLS)
RECIPE = Recipe(epochs=1, batch_size=16, optimizer="adamw", learning_rate=0.001, precision="float32")


def network(cell: str, nodes: int, number: int = 0) -> nn.Module:
    graph = watts_strogatz(nodes, 4, np.random.default_rng(number))
    return initialize(lambda: GraphRNN(graph, cell, 7, 2, "sources"), stream(number, "init"), gain=1.0)


@cache
def everything() -> Task:
    return load_task("reber")


def small(train_count: int) -> Task:
    """The first strings of the task, without the cost of the others."""
    whole = everything()
    counts = ((whole.train, train_count), (whole.val, 64), (whole.test, 64))
    train, val, test = (Split(split.inputs[:n], split.targets[:n]) for split, n in counts)
    return replace(whole, train=train, val=val, test=test)


@pytest.fixture(scope="module")
def task() -> Task:
    return small(1600)


def state(module: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def pruned(module: nn.Module, density: float) -> MaskSet:
    evidence = Evidence((25, 7), torch.Generator().manual_seed(5))
    return prune(module, Sparsity("random", density), evidence)


def test_packing_holds_every_letter_once_and_those_that_end_last() -> None:
    words = ["BTXSE", "BPVVE", "BTSSXSE", "BE"]
    packed = pack(tokens(words, "BTSXPVE", 9), torch.tensor([0, 1, 2, 3]), 7)
    assert packed.sizes == (4, 4, 3, 3, 3, 1, 1)
    assert all(bool((step.sum(2) == 1).all()) for step in packed.letters)
    for column, word in enumerate(packed.targets[0].tolist()):
        read = [int(step[0, column].argmax()) for step in packed.letters if column < step.shape[1]]
        assert "".join("BTSXPVE"[letter] for letter in read) == words[word]


@every_cell
def test_gradients_are_autograds_in_float64(cell: str) -> None:
    modules = [network(cell, nodes, nodes).double() for nodes in (9, 14, 11)]
    masks = [pruned(modules[0], 0.6), {}, {}]
    train_split = small(40).train
    members = gather(modules, masks, "cpu")
    packed = pack(train_split.inputs, train_split.targets, 7)
    losses, right, found = gradient(members, CELLS[cell](), packed, smoothing=0.1)
    copies = copy.deepcopy(modules)
    scatter_(replace(members, values=found), copies)  # the gradient of each network, in the shapes of its parameters
    inputs = OneHot(7)(train_split.inputs).double()
    for row, (module, mask, slope) in enumerate(zip(modules, masks, copies, strict=True)):
        with torch.no_grad():
            for name, kept in mask.items():
                module.get_parameter(name).mul_(kept)
        logits = module(inputs)
        loss = functional.cross_entropy(logits, train_split.targets, label_smoothing=0.1)
        loss.backward()  # type: ignore[no-untyped-call]
        assert loss.item() == pytest.approx(float(losses[row]), abs=1e-12)
        assert int((logits.argmax(1) == train_split.targets).sum()) == int(right[row])
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None
            wanted = parameter.grad * mask[name] if name in mask else parameter.grad
            assert float((wanted - slope.get_parameter(name)).abs().max()) < 1e-12, name
            assert float(wanted.abs().max()) > 1e-6


@every_cell
def test_a_population_of_one_is_the_module_trained_alone_for_a_hundred_steps(cell: str, task: Task) -> None:
    module = network(cell, 13)
    masks = pruned(module, 0.7)
    alone = copy.deepcopy(module)
    (outcome,) = train_population([module], [masks], task, RECIPE, seed=3)
    wanted = train(alone, masks, task, RECIPE, seed=3)
    assert isinstance(outcome, Outcome)
    assert len(task.train) // RECIPE.batch_size == 100
    assert float((state(module) - state(alone)).abs().max()) < 1e-5
    assert outcome.curve[0].train_loss == pytest.approx(wanted.curve[0].train_loss, abs=1e-5)
    assert outcome.val_accuracy == pytest.approx(wanted.val_accuracy, abs=1 / 64)
    assert (outcome.kept, outcome.total, outcome.multiply_adds) == (wanted.kept, wanted.total, wanted.multiply_adds)


@every_cell
def test_a_member_does_not_change_when_its_neighbours_do(cell: str) -> None:
    few, first = small(320), network(cell, 12)
    groups: list[list[nn.Module]] = [
        [first],
        [copy.deepcopy(first), network(cell, 12, 1)],
        [network(cell, 12, 2), network(cell, 9, 3), copy.deepcopy(first)],
    ]
    found = []
    for group, place in zip(groups, (0, 0, 2), strict=True):
        train_population(group, [{} for _ in group], few, RECIPE, seed=1)
        found.append(state(group[place]))
    assert all(float((other - found[0]).abs().max()) < 1e-6 for other in found[1:])


def test_a_member_that_diverges_fails_alone() -> None:
    few = small(320)
    modules = [network("relu", 12, number) for number in range(3)]
    expected = copy.deepcopy(modules[2])
    with torch.no_grad():
        modules[1].get_parameter("recurrent.weight_hh_l0").mul_(1e4)
    found = train_population(modules, [{}, {}, {}], few, replace(RECIPE, epochs=2), seed=1)
    (alone,) = train_population([expected], [{}], few, replace(RECIPE, epochs=2), seed=1)
    assert isinstance(found[1], Failure)
    assert found[1].error == "non_finite_loss"
    assert "by the end of epoch 1" in found[1].message
    assert isinstance(found[2], Outcome)
    assert isinstance(alone, Outcome)
    assert float((state(modules[2]) - state(expected)).abs().max()) < 1e-6
    assert all(math.isfinite(epoch.train_loss) for epoch in found[2].curve)


@every_cell
def test_pruned_and_absent_weights_are_exactly_zero(cell: str) -> None:
    few, module = small(160), network(cell, 12)
    masks = pruned(module, 0.4)
    train_population([module], [masks], few, replace(RECIPE, weight_decay=0.1), seed=0)
    for name, mask in masks.items():
        weight = module.get_parameter(name).detach()
        assert bool((weight[~mask] == 0).all())
        assert bool((weight[mask] != 0).any())


@pytest.mark.parametrize("method", ["random", "magnitude", "snip", "synflow"])
@pytest.mark.parametrize("allocation", ["global", "erk", "uniform"])
@pytest.mark.parametrize("density", [0.2, 1.0])
def test_pruning_a_graph_counts_and_keeps_existing_weights_only(method: str, allocation: str, density: float) -> None:
    module = network("gru", 14)
    existing = present(module)
    there = sum(int(mask.sum()) for mask in existing.values())
    assert there < sum(weight.numel() for weight in prunable(module).values())
    few = small(20)
    inputs, targets = few.batch(few.train, slice(None))
    evidence = Evidence((25, 7), torch.Generator().manual_seed(1), inputs, targets)
    masks = prune(module, Sparsity(method, density, allocation, rounds=3 if method == "synflow" else 1), evidence)
    assert masks.kept == round(density * there)
    assert all(not bool((masks[name] & ~existing[name]).any()) for name in masks)


def test_what_cannot_be_a_population_is_refused(task: Task) -> None:
    layers = initialize(
        lambda: LayeredRNN(watts_strogatz(9, 4, np.random.default_rng(0)), "tanh", 7, 2), stream(0, "init"), gain=1.0
    )
    cases: list[tuple[Sequence[nn.Module], Recipe, str]] = [
        ([], RECIPE, "recurrent graph networks of one cell.* got none"),
        ([network("gru", 9), network("tanh", 9)], RECIPE, "of one cell, alphabet and number of classes"),
        ([network("gru", 9), layers], RECIPE, "got .*LayeredRNN"),
        ([network("gru", 9)], replace(RECIPE, optimizer="sgd"), "optimizer must be 'adamw'; got 'sgd'"),
        ([network("gru", 9)], replace(RECIPE, precision="bfloat16"), "precision must be 'float32' or 'auto'"),
        (
            [network("gru", 9)],
            replace(RECIPE, batch_size=4000),
            "at most the 1600 training strings of 'reber'; got 4000",
        ),
    ]
    for modules, recipe, message in cases:
        with pytest.raises(NasError, match=message):
            train_population(modules, [{} for _ in modules], task, recipe, seed=0)
    with pytest.raises(NasError, match="one for each of the 2 networks; got 1"):
        train_population([network("gru", 9), network("gru", 9)], [{}, {}], task, RECIPE, seed=[0])
    with pytest.raises(NasError, match="must be trained on strings; got task 'digits'"):
        train_population([network("gru", 9)], [{}], load_task("digits"), RECIPE, seed=0)
