"""A measured latency: inputs untouched, of the compacted network, by workers and driver where it is an objective."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas.batch_trial import run_trials
from nas.candidates import Candidate
from nas.errors import NasError
from nas.executors import Job
from nas.genomes import CandidateSpace, SparsityChoices
from nas.latency import latency_seconds
from nas.outcomes import Outcome
from nas.records import Header, open_records
from nas.screen import Screen, ScreenSettings
from nas.search import Search
from nas.stage import Stage
from nas.strategies import STRATEGIES
from nas.tasks import Task, load_task
from nas.training import Recipe
from nas.trial import TrialSettings, check_measures, run_trial
from pruning import MaskSet, Sparsity, prunable
from search_spaces import SPACES
from tests.nas.test_search import Scripted, succeed

MEASURED = ("latency_seconds",)
RECIPE = Recipe(epochs=2, batch_size=512, precision="float32")


def wide(units: int = 3000) -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, units), nn.ReLU(), nn.Linear(units, units), nn.ReLU(), nn.Linear(units, 10))


def few_units(module: nn.Module, units: int) -> MaskSet:
    """Masks that leave so many units of each hidden layer on a way from input to output."""
    masks = {name: torch.zeros(weight.shape, dtype=torch.bool) for name, weight in prunable(module).items()}
    first, second, last = masks.values()
    first[:units] = True
    second[:units, :units] = True
    last[:, :units] = True
    return MaskSet(masks)


def dense(module: nn.Module) -> MaskSet:
    return MaskSet({name: torch.ones(weight.shape, dtype=torch.bool) for name, weight in prunable(module).items()})


class Untraceable(nn.Module):
    """Its forward asks for values, which no trace has."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        out: Tensor = self.layer(inputs)
        return out if float(out.sum()) > 0 else -out


def test_everything_stays_as_it_was() -> None:
    module, threads = wide(32).train(), torch.get_num_threads()
    before, random = copy.deepcopy(module.state_dict()), torch.get_rng_state()
    assert latency_seconds(module, few_units(module, 4), (64,)) > 0.0
    assert module.training and torch.get_num_threads() == threads
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)


def test_units_that_are_cut_off_cost_no_time() -> None:
    """Nine million weights against ten thousand: 3 ms against 0.02, so that a factor of five is never missed."""
    module = wide()
    assert latency_seconds(module, few_units(module, 10), (64,)) < latency_seconds(module, dense(module), (64,)) / 5


def test_what_cannot_be_compacted_is_timed_as_it_is() -> None:
    module = Untraceable()
    assert latency_seconds(module, dense(module), (4,), repeats=3) > 0.0


@pytest.fixture(scope="module")
def digits() -> Task:
    return load_task("digits", None)


@pytest.fixture(scope="module")
def candidates(digits: Task) -> CandidateSpace:
    return CandidateSpace(SPACES["mlp"], SparsityChoices(methods=("random",)), digits.signature)


def test_a_worker_measures_what_it_is_asked_to_at_every_stage(digits: Task, candidates: CandidateSpace) -> None:
    candidate = candidates.decode(candidates.random(np.random.default_rng(0)))
    settings = TrialSettings(RECIPE, measures=MEASURED)
    for stage in (None, Stage(1)):
        found = run_trial(Job(0, candidate, stage), digits, settings)
        assert isinstance(found, Outcome) and set(found.measures) == {"latency_seconds"}
        assert found.measures["latency_seconds"] > 0.0
    unasked = run_trial(Job(0, candidate), digits, replace(settings, measures=()))
    assert isinstance(unasked, Outcome) and not unasked.measures


def test_members_of_a_population_are_measured_too() -> None:
    task = load_task("reber")
    task = replace(task, train=task.train.take(torch.arange(64)), val=task.val.take(torch.arange(64)))
    genes: dict[str, Any] = {
        "generator": "watts_strogatz", "rewiring": 0.5, "nodes": 16, "degree": 4, "graph": 0,
        "cell": "tanh", "wiring": "recurrent", "inputs": "all",
    }  # fmt: skip
    candidate = Candidate(SPACES["graph_rnn"].encode(genes), Sparsity("random", 0.5), 0)
    recipe = Recipe(epochs=1, batch_size=32, optimizer="adamw", learning_rate=0.01, precision="float32")
    (found,) = run_trials([Job(0, candidate)], task, TrialSettings(recipe, measures=MEASURED))
    assert isinstance(found, Outcome) and found.measures["latency_seconds"] > 0.0


def test_what_the_task_does_not_measure_is_refused(digits: Task) -> None:
    check_measures(MEASURED, digits)
    with pytest.raises(NasError, match="nonsense must be a measure of the task; 'digits' has none"):
        check_measures(("nonsense",), digits)


def test_a_search_aims_at_latency(tmp_path: Path, digits: Task, candidates: CandidateSpace) -> None:
    """The outcomes say that width is slow; screened trials know what their own networks take."""
    objectives = ("val_accuracy", "latency_seconds")

    def answer(job: Job, times: int) -> Outcome:
        return replace(succeed(job), measures={"latency_seconds": 1e-4 / job.candidate.sparsity.density})

    records = open_records(
        tmp_path / "j.log", "study", Header("digits", "mlp", objectives, 0, "choices"), candidates.choices
    )
    screen = Screen(candidates, digits, objectives, ScreenSettings(minimum=8, oversample=4, explore=0.0))
    history = Search(STRATEGIES["evolution"], screen, Scripted(answer), records, candidates).run(14)
    assert all(r.values is not None and r.values[1] == r.outcome.measures["latency_seconds"] for r in history)  # type: ignore[union-attr]
    assert any(record.prediction is not None for record in history)
    assert screen._describe(history[0].genes).costs["latency_seconds"] > 0.0
    assert "latency_seconds" not in Screen(candidates, digits, ("val_accuracy",))._describe(history[0].genes).costs
