"""The three searches of a seed: evolution, random graphs of its sizes, and random search, of equal training."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from experiments.reproduce.reber.evolved.controls import control, random_graph
from experiments.reproduce.reber.evolved.design import OBJECTIVES, Design
from experiments.reproduce.reber.evolved.structure import Structure
from nas.batch_trial import make_batch_runner, train_members
from nas.candidates import from_json
from nas.executors import Resources, Work, population
from nas.outcomes import Outcome
from nas.records import Header, open_records
from nas.screen import Screen
from nas.search import Search
from nas.seeds import derive
from nas.strategies import STRATEGIES
from nas.tasks import Task
from nas.trial import make_runner


@dataclass(frozen=True, slots=True)
class Found:
    """A network that a search trained: what it is, the weights it keeps, and its validation accuracy there."""

    structure: Structure
    kept: int
    val_accuracy: float


def searched(strategy: str, seed: int, task: Task, design: Design, *, guided: bool) -> list[Found]:
    """Return the networks of a search by a strategy, without those that diverged: what `sparsenas search` does."""
    space = design.space(task, seed)
    work = Work(make_runner, design.settings(design.epochs), task, make_batch_runner)
    places = Resources(threads=1, batch=design.batch)
    with tempfile.TemporaryDirectory() as out, closing(population(work, places)) as executor:
        header = Header("reber", "graph_rnn", OBJECTIVES, seed, "evolved")
        records = open_records(Path(out) / "journal.log", "run", header, space.choices)
        screen = Screen(space, task, OBJECTIVES, design.screen if guided else None)
        history = Search(STRATEGIES[strategy], screen, executor, records, space).run(design.trials)
    return [
        Found(Structure.of(from_json(record.candidate)), record.outcome.kept, record.outcome.val_accuracy)
        for record in history
        if isinstance(record.outcome, Outcome)
    ]


def same_sizes(evolution: Sequence[Found], seed: int, task: Task, design: Design) -> Iterator[Found]:
    """Yield for each network of evolution one on a random graph of its nodes and edges, as sparse, trained alike."""
    space = design.space(task, seed)
    drawn = [
        control(random_graph, one.structure, one.kept, space, derive(seed, f"same sizes/{number}"))
        for number, one in enumerate(evolution)
    ]
    for start in range(0, len(drawn), design.batch):
        group = drawn[start : start + design.batch]
        members = [own.member(place, own.seed, task.signature) for place, own in enumerate(group)]
        results = train_members(members, task, design.settings(design.epochs))
        for member, own in zip(members, group, strict=True):
            result = results[member.place]
            if isinstance(result, Outcome):
                yield Found(own, member.masks.kept, result.val_accuracy)
