"""Judging strings and saying what comes next: the task, and its two errors, against the automaton as an oracle."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas.batch_trial import run_trials
from nas.candidates import Candidate
from nas.errors import NasError
from nas.executors import Job
from nas.outcomes import Outcome
from nas.seeds import stream
from nas.tasks import Task, load_task
from nas.tasks.reber import reber_corpus
from nas.tasks.reber.corpus import Corpus, tokens
from nas.tasks.reber.grammar import LETTERS, REBER
from nas.tasks.reber.legality import CLASSES, FIRST_LETTER, legality_error, next_letters
from nas.training import Recipe, measured_errors
from nas.training.population import train_population
from nas.trial import TrialSettings, make_runner, run_trial
from pruning import Sparsity
from search_spaces import SPACES
from search_spaces.graphs import watts_strogatz
from search_spaces.graphs.networks import GraphRNN
from search_spaces.initialize import initialize


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task("reber_next")


def text(row: Tensor) -> str:
    return "".join(LETTERS[code] for code in row.tolist() if code < len(LETTERS))


class Automaton(nn.Module):
    """What the grammar knows, as logits: legal letters 1, others 0, and of complete strings the label."""

    def __init__(self, *, blind_to: str = "") -> None:
        super().__init__()
        self.blind_to = blind_to

    def forward(self, x: Tensor) -> Tensor:
        logits = torch.zeros(len(x), CLASSES)
        for row, steps in enumerate(x):
            string = "".join(LETTERS[int(step.argmax())] for step in steps if step.any())
            logits[row, int(REBER.accepts(string))] = 0.5
            for letter in REBER.legal(string):
                logits[row, FIRST_LETTER + LETTERS.index(letter)] = float(letter != self.blind_to)
        return logits


def network(number: int, classes: int = CLASSES) -> nn.Module:
    graph = watts_strogatz(12, 4, np.random.default_rng(number))
    return initialize(lambda: GraphRNN(graph, "gru", 7, classes, "all"), stream(number, "init"), gain=1.0)


def few(task: Task) -> Task:
    """The task with little of everything."""
    parts = {name: getattr(task, name).take(torch.arange(64)) for name in ("train", "val", "test")}
    return replace(task, **parts, measures=(legality_error(REBER, ["BTXSE", "BPVVE", "BTSXSE"], 25),))


def test_training_strings_are_those_of_reber_and_as_many_beginnings_with_their_next_letter(task: Task) -> None:
    plain = load_task("reber")
    count = len(plain.train)
    assert len(task.train) == 2 * count
    assert torch.equal(task.train.inputs[:count], plain.train.inputs)
    assert torch.equal(task.train.targets[:count], plain.train.targets)
    assert torch.equal(task.val.inputs, plain.val.inputs)
    assert torch.equal(task.test.targets, plain.test.targets)
    for row, target in zip(task.train.inputs[count::97], task.train.targets[count::97].tolist(), strict=True):
        assert LETTERS[target - FIRST_LETTER] in REBER.legal(text(row))


def test_evidence_is_balanced_over_the_letters_that_may_follow(task: Task) -> None:
    """B is never next."""
    _, targets = task.evidence(80, torch.Generator().manual_seed(0))
    assert torch.bincount(targets, minlength=CLASSES).tolist() == [10, 10, 0, *[10] * 6]


def test_cuts_are_uniform_over_the_places_of_a_string() -> None:
    """A place comes up about 1,000 of 4,000 times, deviation 27: five deviations miss once in a million and a half."""
    found = next_letters(Corpus(("BTXSE", "BPAAE"), (1, 0)), 4_000, np.random.default_rng(0))
    assert set(found.strings) == {"B", "BT", "BTX", "BTXS"}
    assert all(abs(found.strings.count(one) - 1_000) < 137 for one in set(found.strings))
    assert {LETTERS[label - FIRST_LETTER] for label in found.labels} == set("TXSE")


def test_what_knows_the_grammar_makes_no_error_and_what_overlooks_a_letter_does(task: Task) -> None:
    own = few(task)
    assert measured_errors(Automaton(), own, ("legality_error",)) == {"legality_error": 0.0}
    overlooked = measured_errors(Automaton(blind_to="P"), own, ("legality_error",))
    assert overlooked == {"legality_error": 1.0}  # every string may begin BT or BP
    overlooked = measured_errors(Automaton(blind_to="V"), own, ("legality_error",))
    assert overlooked == {"legality_error": pytest.approx(1 / 3)}  # V is legal after P only


def test_every_prefix_is_read_once(task: Task) -> None:
    measure = legality_error(REBER, ["BTXSE", "BTXXVVE"], 25)
    prefixes = [text(row) for row in measure.split.inputs]
    assert sorted(prefixes) == sorted({"B", "BT", "BTX", "BTXS", "BTXX", "BTXXV", "BTXXVV"})
    assert len(task.measure("legality_error").split) < 6_000  # of 500 strings of up to 25 letters


def test_longer_strings_are_judged_by_the_same_classes(task: Task) -> None:
    longer = task.measure("long_error")
    lengths = (longer.split.inputs < len(LETTERS)).sum(1)
    assert (int(lengths.min()), int(lengths.max())) == (30, 100)
    right = torch.zeros(len(longer.split), CLASSES)
    right[torch.arange(len(right)), longer.split.targets] = 1.0
    assert longer.error(right) == 0.0
    assert longer.error(right[:, [1, 0, *range(2, CLASSES)]]) == 1.0


def test_a_populations_errors_are_those_of_its_members_alone(task: Task) -> None:
    own = few(task)
    recipe = Recipe(epochs=3, batch_size=16, optimizer="adamw", learning_rate=0.01, precision="float32")
    modules = [network(number) for number in range(3)]
    names = ("legality_error",)
    outcomes = train_population(modules, [{}] * 3, own, recipe, seed=0, measures=names)
    for module, outcome in zip(modules, outcomes, strict=True):
        assert isinstance(outcome, Outcome)
        assert outcome.measures == measured_errors(module, own, names)


def test_a_populations_logits_stand_in_the_order_of_the_strings() -> None:
    task = load_task("reber")
    strings = reber_corpus("reber")[2].strings[:200]
    split = replace(task.test, inputs=tokens(strings, LETTERS, 25), targets=task.test.targets[:200])
    seen: list[Tensor] = []

    def error(logits: Tensor) -> float:
        seen.append(logits)
        return 0.0

    measures = (replace(task.measure("long_error"), split=split, error=error),)
    recipe = Recipe(epochs=1, batch_size=128, optimizer="adamw", learning_rate=0.01, precision="float32")
    own = replace(few(task), measures=measures, train=task.train.take(torch.arange(128)))
    module = network(0, 2)
    train_population([module], [{}], own, recipe, seed=0, measures=("long_error",))
    with torch.no_grad():
        alone = module(task.normalise(split.inputs))
    assert torch.allclose(seen[0], alone, atol=1e-4)


def test_a_task_crosses_to_a_worker_with_its_measures(task: Task) -> None:
    own = few(task)
    there = pickle.loads(pickle.dumps(own))
    assert measured_errors(Automaton(), there, ("legality_error",)) == {"legality_error": 0.0}


def test_a_measure_that_the_task_has_not_is_refused(task: Task) -> None:
    with pytest.raises(NasError, match="legality_error must be a measure of the task; 'reber' has long_error"):
        load_task("reber").measure("legality_error")
    with pytest.raises(NasError, match="has long_error, legality_error"):
        task.measure("accuracy")


def test_a_batch_measures_what_trials_alone_do(task: Task) -> None:
    own = few(task)
    recipe = Recipe(epochs=1, batch_size=32, optimizer="adamw", learning_rate=0.01, precision="float32")
    settings = TrialSettings(recipe, measures=("legality_error", "latency_seconds"))
    jobs = [
        Job(number, candidate(number, wiring)) for number, wiring in enumerate(("recurrent", "recurrent", "layered"))
    ]
    together = run_trials(jobs, own, settings)
    for job, found in zip(jobs, together, strict=True):
        alone = run_trial(job, own, settings)
        assert isinstance(found, Outcome) and isinstance(alone, Outcome)
        assert found.measures["legality_error"] == alone.measures["legality_error"]
        assert found.measures["latency_seconds"] > 0


def test_an_objective_that_the_task_does_not_measure_is_refused_before_anything_starts() -> None:
    settings = TrialSettings(Recipe(epochs=1), measures=("long_error",))
    with pytest.raises(NasError, match="long_error must be a measure of the task; 'digits' has none"):
        make_runner(settings, load_task("digits"))


def candidate(seed: int, wiring: str) -> Candidate:
    genes: dict[str, str | int | float] = {
        "generator": "watts_strogatz", "rewiring": 0.5, "nodes": 16, "degree": 4, "graph": 0,
        "cell": "tanh", "wiring": wiring, "inputs": "all",
    }  # fmt: skip
    return Candidate(SPACES["graph_rnn"].encode(genes), Sparsity("random", 0.5), seed)
