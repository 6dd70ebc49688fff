"""A batch of candidates trained as one program has the results that each has alone, and shares no failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nas.batch_trial import Member, make_batch_runner, programs, run_trials
from nas.candidates import Candidate, from_json
from nas.errors import NasError
from nas.executors import EXECUTORS, Executor, Job, Resources, Work
from nas.genomes import CandidateSpace, SparsityChoices
from nas.outcomes import Failure, Outcome
from nas.realize import realize
from nas.records import Header, Record, open_records
from nas.screen import Screen
from nas.search import Search
from nas.stage import Stage
from nas.strategies import STRATEGIES
from nas.tasks import Task, load_task
from nas.training import Recipe
from nas.training.population import kind
from nas.trial import TrialSettings, make_runner, run_trial
from pruning import Sparsity
from search_spaces import SPACES
from tests.nas import executor_jobs

RECIPE = Recipe(epochs=2, batch_size=32, optimizer="adamw", learning_rate=0.01, precision="float32", evaluate_every=1)
SETTINGS = TrialSettings(RECIPE)
HEADER = Header("reber", "graph_rnn", ("val_accuracy", "kept"), 0, "choices")


@pytest.fixture(scope="module")
def task() -> Task:
    whole = load_task("reber")
    train, val, test = (split.take(torch.arange(256)) for split in (whole.train, whole.val, whole.test))
    return replace(whole, train=train, val=val, test=test)


def candidate(seed: int, density: float = 0.5, **values: Any) -> Candidate:
    genes: dict[str, Any] = {
        "generator": "watts_strogatz", "rewiring": 0.5, "nodes": 16, "degree": 4, "graph": 0,
        "cell": "tanh", "wiring": "recurrent", "inputs": "all",
    }  # fmt: skip
    return Candidate(SPACES["graph_rnn"].encode(genes | values), Sparsity("random", density), seed)


def same(found: Outcome | Failure, wanted: Outcome | Failure) -> None:
    """Counts are equal, losses to float tolerance; one string of 256 may fall on the other side."""
    if isinstance(wanted, Failure):
        assert isinstance(found, Failure)
        assert (found.error, found.message) == (wanted.error, wanted.message)
        return
    assert isinstance(found, Outcome)
    counts = [(o.kept, o.total, o.multiply_adds, o.epochs, o.test_accuracy, len(o.curve)) for o in (found, wanted)]
    assert counts[0] == counts[1]
    assert found.val_accuracy == pytest.approx(wanted.val_accuracy, abs=1.5 / 256)
    for one, other in zip(found.curve, wanted.curve, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, abs=1e-4)
        assert one.train_accuracy == pytest.approx(other.train_accuracy, abs=1.5 / 256)


def test_each_candidate_of_a_batch_has_the_result_it_has_alone(task: Task) -> None:
    candidates = [
        candidate(1),
        candidate(2, cell="gru"),
        candidate(3, wiring="layered", nodes=12),
        candidate(4, nodes=28, generator="barabasi_albert", inputs="sources"),
        candidate(5, density=1e-9),  # less than one weight a layer
        candidate(6, cell="gru", density=0.1),
        candidate(7, cell="lstm", nodes=12),
        replace(candidate(8), training="rigl"),
    ]
    batch = [Job(place, one) for place, one in enumerate(candidates)]
    batch += [Job(8, candidate(9), Stage(1)), Job(9, candidate(9), half_batch=True)]
    found = run_trials(batch, task, SETTINGS)
    assert isinstance(found[4], Failure) and found[4].error == "infeasible"
    for result, one in zip(found, batch, strict=True):
        same(result, run_trial(one, task, SETTINGS))
    assert found[0] != found[3]


def test_validation_is_as_often_as_the_recipe_says(task: Task) -> None:
    settings = TrialSettings(replace(RECIPE, evaluate_every=0))
    (found,) = run_trials([Job(0, candidate(1))], task, settings)
    assert isinstance(found, Outcome)
    assert found.curve[0].val_accuracy is None
    assert found.curve[1].val_accuracy == found.val_accuracy


def test_a_recipe_no_population_has_trains_one_by_one(task: Task) -> None:
    settings = TrialSettings(replace(RECIPE, optimizer="sgd", epochs=1))
    batch = [Job(0, candidate(1)), Job(1, candidate(2))]
    for result, one in zip(run_trials(batch, task, settings), batch, strict=True):
        same(result, run_trial(one, task, settings))


def test_a_program_has_one_cell_and_similar_sizes(task: Task) -> None:
    sizes = [("gru", 12), ("tanh", 48), ("tanh", 12), ("gru", 16), ("tanh", 24), ("tanh", 28)]
    members = []
    for place, (cell, nodes) in enumerate(sizes):
        one = candidate(place, cell=cell, nodes=nodes)
        members.append(Member(place, one.seed, *realize(one, task)))
    groups = [[member.place for member in group] for group in programs(members)]
    assert groups == [[0, 3], [2, 4], [5, 1]]
    assert all(len({kind(members[place].module) for place in group}) == 1 for group in groups)


def test_the_search_records_what_it_records_one_by_one(task: Task, tmp_path: Path) -> None:
    histories: list[list[Record]] = []
    for name, slots in (("local", Resources(workers=0, threads=1)), ("population", Resources(threads=1, batch=4))):
        space = CandidateSpace(SPACES["graph_rnn"], SparsityChoices(densities=(0.2, 0.5)), task.signature, seed=0)
        records = open_records(tmp_path / f"{name}.log", "run", HEADER, space.choices)
        screen = Screen(space, task, HEADER.objectives)
        work = Work(make_runner, TrialSettings(replace(RECIPE, epochs=1)), task, make_batch_runner)
        with closing(EXECUTORS[name](work, slots)) as executor:
            histories.append(Search(STRATEGIES["random"], screen, executor, records, space).run(6))
    for one, other in zip(*histories, strict=True):
        assert (one.number, one.state, one.candidate) == (other.number, other.state, other.candidate)
        assert one.outcome is not None and other.outcome is not None
        same(one.outcome, other.outcome)
        assert from_json(one.candidate) == from_json(other.candidate)


def together(settings: Any, payload: Any) -> Callable[[Sequence[Job]], list[Outcome | Failure]]:
    alone = executor_jobs.make_runner(settings, payload)
    return lambda jobs: [alone(job) for job in jobs]


def scripted(batch: int) -> Executor:
    work = Work(executor_jobs.make_runner, {"offset": 0.5}, {"array": np.arange(10)}, together)
    return EXECUTORS["population"](work, Resources(threads=1, batch=batch))


def test_a_job_that_breaks_its_batch_fails_alone() -> None:
    executor = scripted(batch=3)
    jobs = [Job(1, ("nap", 0.25)), Job(2, ("fail",)), Job(3, ("nap", 0.5)), Job(4, ("nap", 0.75))]  # type: ignore[arg-type]
    for job in jobs:
        executor.submit(job)
    first, second = executor.wait(), executor.wait()
    assert [job.identity for job, _ in first] == [1, 2, 3]
    assert [job.identity for job, _ in second] == [4]
    found = [result for _, result in first]
    assert isinstance(found[1], Failure)
    assert (found[1].error, found[1].message) == ("exception", "RuntimeError: first line")
    assert [result.val_accuracy for result in found if isinstance(result, Outcome)] == [0.25, 0.5]
    assert executor.wait() == []
    assert executor.slots == 3


def test_closing_drops_what_has_not_run() -> None:
    executor = scripted(batch=2)
    executor.submit(Job(1, ("nap", 0.25)))  # type: ignore[arg-type]
    executor.close()
    assert executor.wait() == []


def test_work_and_batch_are_checked() -> None:
    with pytest.raises(NasError, match="must be given work for many jobs at a time"):
        EXECUTORS["population"](Work(executor_jobs.make_runner), Resources())
    with pytest.raises(NasError, match="batch must be 1 or more; got 0"):
        Resources(batch=0)
