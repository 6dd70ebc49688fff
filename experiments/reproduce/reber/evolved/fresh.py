"""Networks trained again with weights and orders of strings that no search has seen, and judged by the test strings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from experiments.reproduce.reber.evolved.controls import Draw, control
from experiments.reproduce.reber.evolved.design import Design
from experiments.reproduce.reber.evolved.searches import Found
from experiments.reproduce.reber.evolved.structure import Structure
from nas.batch_trial import Member, programs, train_members
from nas.outcomes import Outcome
from nas.seeds import derive
from nas.tasks import Task
from nas.training.population import accuracy, gather


@dataclass(frozen=True, slots=True)
class Judged:
    """One training of a network of a front, or of what is drawn beside it. NaN accuracies: it diverged.

    `place` counts the networks of the front from the sparsest, `copy` the fresh seeds of each. `inputs` is the number
    of nodes at which letters enter.
    """

    arm: str
    seed: int
    place: int
    copy: int
    nodes: int
    edges: int
    inputs: int
    method: str
    kept: int
    val_accuracy: float
    test_accuracy: float


def fresh_seed(seed: int, place: int, copy: int) -> int:
    """Return the seed of weights and order of a copy; the same in all arms, so that they are paired."""
    return derive(seed, f"fresh/{place}/{copy}")


def retrained(arm: str, front: Sequence[Found], seed: int, task: Task, design: Design) -> Iterator[Judged]:
    """Yield the copies of each network of a front: its graph and mask with fresh weights."""
    own = [(one.structure,) * design.copies for one in front]
    yield from _judged(arm, own, seed, task, design)


def beside(arm: str, draw: Draw, front: Sequence[Found], seed: int, task: Task, design: Design) -> Iterator[Judged]:
    """Yield for each copy of each network of a front one that is drawn, of as many kept weights, trained alike."""
    space = design.space(task, seed)
    drawn = [
        [
            control(draw, one.structure, one.kept, space, derive(seed, f"{arm}/{place}/{copy}"))
            for copy in range(design.copies)
        ]
        for place, one in enumerate(front)
    ]
    yield from _judged(arm, drawn, seed, task, design)


def _judged(
    arm: str, structures: Sequence[Sequence[Structure]], seed: int, task: Task, design: Design
) -> Iterator[Judged]:
    flat = [(place, copy, one) for place, row in enumerate(structures) for copy, one in enumerate(row)]
    members = [
        one.member(number, fresh_seed(seed, place, copy), task.signature)
        for number, (place, copy, one) in enumerate(flat)
    ]
    figures = _trained(members, task, design)
    for (place, copy, one), member in zip(flat, members, strict=True):
        sizes = one.graph.nodes, len(one.graph.edges), one.entered()
        kept = member.masks.kept
        yield Judged(arm, seed, place, copy, *sizes, one.sparsity.method, kept, *figures[member.place])


def _trained(members: Sequence[Member], task: Task, design: Design) -> dict[int, tuple[float, float]]:
    """Return place -> (validation accuracy, test accuracy)."""
    results = train_members(members, task, design.settings(design.final_epochs))
    found: dict[int, tuple[float, float]] = {}
    for together in programs(members):
        population = gather([m.module for m in together], [m.masks for m in together], "cpu")
        for member, tested in zip(together, accuracy(population, task.test).tolist(), strict=True):
            result = results[member.place]
            diverged = float("nan"), float("nan")
            found[member.place] = (result.val_accuracy, tested) if isinstance(result, Outcome) else diverged
    return found
