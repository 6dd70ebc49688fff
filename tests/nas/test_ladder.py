"""Successive halving: who goes on by hand, what is kept on disk, and that a killed search climbs the same ladder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from nas.candidates import from_json
from nas.errors import NasError
from nas.executors import Job, Resources, Work, local
from nas.finalists import shortlist
from nas.genomes import CandidateSpace, SparsityChoices
from nas.ladder import Ladder
from nas.outcomes import Failure, Outcome
from nas.records import Header, Record, open_records
from nas.rungs import Rungs, furthest, level
from nas.screen import Screen, ScreenSettings
from nas.search import Search
from nas.strategies import STRATEGIES
from nas.tasks import Task, load_task
from nas.training import Recipe
from nas.trial import TrialSettings, make_runner, run_trial
from search_spaces import SPACES
from tests.nas import plain_ladder
from tests.nas.plain_ladder import best
from tests.nas.test_search import HEADER, Killed, Scripted

LADDER = Ladder((1, 3, 9))


def record(number: int, accuracy: float | None, rung: int = 0, digest: str = "", kept: int = 1) -> Record:
    """A finished record, or a running one if it has no accuracy."""
    if accuracy is None:
        return Record(number, (0,), digest or str(number), "running", rung=rung)
    outcome = Outcome(accuracy, (), 1, 0.0, kept=kept, total=100, multiply_adds=1)
    return Record(number, (0,), digest or str(number), "finished", outcome, (accuracy,), rung=rung)


def promoted(ladder: Ladder, history: list[Record]) -> int | None:
    found = ladder.promotion(history)
    return None if found is None else found.number


def test_the_best_third_goes_on_as_soon_as_there_is_one() -> None:
    history = [record(0, 0.5), record(1, 0.6)]
    assert promoted(LADDER, history) is None
    history.append(record(2, None))
    assert promoted(LADDER, history) is None  # running trials have shown nothing
    history[2] = record(2, 0.4)
    assert promoted(LADDER, history) == 1
    history.append(record(3, None, rung=1, digest="1"))
    assert promoted(LADDER, history) is None
    history += [record(number, accuracy) for number, accuracy in ((4, 0.9), (5, 0.3), (6, 0.1))]
    assert promoted(LADDER, history) == 4  # of six the best two: 4, and 1, which went on before


def test_higher_rungs_go_first() -> None:
    lowest = [record(number, 0.1 * number) for number in range(9)]
    middle = [record(9 + number, 0.5 + 0.1 * number, rung=1, digest=str(6 + number)) for number in range(3)]
    assert promoted(LADDER, lowest + middle) == 11
    top = record(12, None, rung=2, digest="8")
    assert promoted(LADDER, [*lowest, *middle, top]) is None


def test_a_failed_promotion_is_not_repeated() -> None:
    history = [record(number, 0.1 * number) for number in range(3)]
    failed = Record(3, (0,), "2", "failed", Failure("time_limit", "late"), rung=1)
    assert promoted(LADDER, [*history, failed]) is None


def test_with_costs_fronts_come_first_and_then_the_least_crowded() -> None:
    values = [(0.9, 1000.0), (0.8, 100.0), (0.85, 900.0), (0.7, 10.0), (0.6, 50.0), (0.5, 2000.0)]
    records = [Record(number, (0,), str(number), "finished", None, value) for number, value in enumerate(values)]
    assert {r.number for r in best(records, 2)} == {0, 3}  # the ends of the first front
    assert {r.number for r in best(records, 4)} == {0, 1, 2, 3}  # all of it
    assert [r.number for r in best(records, 6)][4:] == [4, 5]


def test_with_costs_the_cheapest_must_have_learned_something() -> None:
    values = [(0.9, 1000.0), (0.8, 100.0), (0.7, 500.0), (0.1, 1.0), (0.1, 2.0), (0.6, 700.0)]
    history = [Record(number, (0,), str(number), "finished", None, value) for number, value in enumerate(values)]
    assert promoted(LADDER, history) in (0, 1)
    climbed = [*history, record(6, None, 1, "0"), record(7, None, 1, "1")]
    assert promoted(LADDER, climbed) is None


def test_a_candidate_is_spoken_for_by_its_furthest_finished_record() -> None:
    history = [
        record(0, 0.5, digest="a"),
        record(1, 0.9, digest="b"),
        record(2, 0.7, 1, digest="a"),
        record(3, None, 1, digest="b"),
        record(4, None, digest="c"),
    ]
    assert [r.number for r in furthest(history)] == [2, 1, 4]
    assert [r.number for r in shortlist(history, 5)] == [2, 1]  # promoted further, though less accurate
    assert [r.number for r in level(history, 1)] == [2, 3]
    assert [r.number for r in level(history, 2)] == [0, 1, 4]


@pytest.mark.parametrize(("rungs", "eta"), [((), 3), ((3, 1), 3), ((0, 1), 3), ((2, 2), 3), ((1, 2), 1)])
def test_ladders_that_are_none_are_refused(rungs: tuple[int, ...], eta: int) -> None:
    with pytest.raises(NasError, match=r"rungs must be rising|eta must be at least 2"):
        Ladder(rungs, eta)


def random_history(rng: np.random.Generator, objectives: int, values: int, rungs: int) -> list[Record]:
    """Records of random rungs, states and accuracies; candidates reach a rung only after the one below."""
    history: list[Record] = []
    for number in range(int(rng.integers(5, 120))):
        below = [r for r in history if r.rung < rungs - 1]
        climbs = below and rng.random() < 0.4
        before = below[int(rng.integers(len(below)))] if climbs else None
        digest, rung = (before.digest, before.rung + 1) if before else (str(number), 0)
        state = ("finished", "finished", "finished", "failed", "running")[int(rng.integers(5))]
        point = tuple(float(v) for v in rng.integers(1, values, size=objectives))
        if state == "finished" and rng.random() < 0.05:
            point = (point[0], *(float("inf") for _ in point[1:]))
        outcome = Failure("time_limit", "late") if state == "failed" else None
        history.append(
            Record(number, (0,), digest, state, outcome, point if state == "finished" else None, rung=rung)  # type: ignore[arg-type]
        )
    return history


@pytest.mark.parametrize("objectives", [1, 2, 3])
@pytest.mark.parametrize("values", [4, 10**6])
@pytest.mark.parametrize("seed", range(12))
def test_decisions_are_those_of_ranking_everything_anew(objectives: int, values: int, seed: int) -> None:
    """Records come as running first and change later, in any order, as with many workers or after a restart."""
    rng = np.random.default_rng([objectives, values, seed])
    eta, rungs = int(rng.integers(2, 5)), int(rng.integers(2, 5))
    history = random_history(rng, objectives, values, rungs)
    standing = Ladder(tuple(range(1, rungs + 1)), eta).standing()
    told = Rungs()
    known: dict[int, Record] = {}
    events = [(number + float(rng.exponential(8)), 1, number) for number in range(len(history))]
    events += [(float(number), 0, number) for number in range(len(history))]
    for _, closing, number in sorted(events):
        record = history[number]
        known[number] = record if closing else replace(record, state="running", outcome=None, values=None)
        standing.tell(known[number])
        told.tell(known[number])
        seen = [known[number] for number in sorted(known)]
        assert standing.promotion() == plain_ladder.promotion(seen, rungs, eta)
        trials = int(rng.integers(1, 150))
        assert standing.climbers(trials) == plain_ladder.climbers(seen, rungs, eta, trials)
        assert list(told.furthest) == furthest(seen)
        minimum = int(rng.integers(1, 20))
        assert list(told.level(minimum)) == level(seen, minimum)
    ladder = Ladder(tuple(range(1, rungs + 1)), eta)
    assert ladder.promotion(history) == plain_ladder.promotion(history, rungs, eta)


# ---- in the search -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> Task:
    return load_task("digits", None)


def skill(job: Job) -> float:
    """What a candidate is worth, without a pattern."""
    return float(np.random.default_rng(job.candidate.seed).random())


def climb(job: Job, times: int = 1) -> Outcome:
    """A learning curve that never crosses another: the ladder must end with the best."""
    assert job.stage is not None
    accuracy = skill(job) * (1 - 0.5 / job.stage.until)
    return Outcome(accuracy, (), job.stage.until, 0.0, kept=1, total=10, multiply_adds=1)


def make(
    path: Path,
    task: Task,
    answer: Callable[[Job, int], Outcome | Failure] = climb,
    *,
    slots: int = 1,
    ladder: Ladder = LADDER,
    screen: ScreenSettings | None = None,
) -> Search:
    header = Header("digits", "mlp", ("val_accuracy",), 0, "choices")
    candidates = CandidateSpace(SPACES["mlp"], SparsityChoices(methods=("random",)), task.signature)
    records = open_records(path, "study", header, candidates.choices)
    strategy = STRATEGIES["evolution"]
    seat = Screen(candidates, task, header.objectives, screen)
    return Search(strategy, seat, Scripted(answer, slots), records, candidates, ladder=ladder)


@pytest.mark.parametrize("slots", [1, 3])
def test_a_search_climbs_and_ends_with_its_best_candidate(tmp_path: Path, digits: Task, slots: int) -> None:
    history = make(tmp_path / "j.log", digits, slots=slots).run(27)
    rungs = Counter(r.rung for r in history)
    assert rungs[0] == 27 and rungs[1] >= 9 and rungs[2] >= 3
    assert all(r.state == "finished" for r in history)
    for rung in (1, 2):
        below = {r.digest: r for r in history if r.rung == rung - 1}
        assert all(r.genes == below[r.digest].genes for r in history if r.rung == rung)
        assert len({r.digest for r in history if r.rung == rung}) == rungs[rung]
    top = [r for r in history if r.rung == 2]
    first = {r.digest: r.values for r in history if r.rung == 0}
    assert max(first.values(), key=lambda v: v or ()) in [first[r.digest] for r in top]
    assert shortlist(history, 1)[0].rung == 2


def test_killed_at_any_moment_it_climbs_the_same_ladder(tmp_path: Path, digits: Task) -> None:
    settings = ScreenSettings(minimum=5, oversample=4, explore=0.3)
    whole = make(tmp_path / "whole.log", digits, screen=settings).run(14)
    for death in range(1, len(whole), 3):

        def answer(job: Job, times: int, death: int = death) -> Outcome:
            if job.identity >= death:
                raise Killed
            return climb(job)

        with pytest.raises(Killed):
            make(tmp_path / "parts.log", digits, answer, screen=settings).run(14)
    parts = make(tmp_path / "parts.log", digits, screen=settings).run(14)
    assert [(r.digest, r.rung, r.values) for r in parts] == [(r.digest, r.rung, r.values) for r in whole]


def test_the_checkpoints_kept_are_those_that_are_wanted_later(tmp_path: Path, digits: Task) -> None:
    """Over a whole search: no promotion from the lowest rung misses its checkpoint, and their number is bounded."""
    history: list[Record] = []
    most = 0
    for now in make(tmp_path / "j.log", digits, slots=1).run(54):
        if now.rung == 1:
            assert now.digest in LADDER.climbers(history, 54)
        history.append(now)
        most = max(most, len(LADDER.climbers(history, 54)))
    assert most <= 54 // 3 + 54 // 9 + 1
    assert len(LADDER.climbers(history, 54)) < len({r.digest for r in history}) / 3


def test_real_trainings_go_on_from_checkpoints_to_the_same_outcome(tmp_path: Path, digits: Task) -> None:
    recipe, folder = Recipe(epochs=4, batch_size=64), tmp_path / "checkpoints"
    ladder = Ladder((1, 2, 4), eta=2, checkpoints=folder)
    candidates = CandidateSpace(SPACES["mlp"], SparsityChoices(methods=("random",)), digits.signature)
    records = open_records(tmp_path / "j.log", "study", HEADER, candidates.choices)
    work = Work(make_runner, TrialSettings(recipe), digits)
    most = 0

    def count(event: object) -> None:
        nonlocal most
        most = max(most, len(list(folder.glob("*"))))

    executor = local(work, Resources(workers=0, threads=1))
    screen = Screen(candidates, digits, HEADER.objectives)
    history = Search(STRATEGIES["random"], screen, executor, records, candidates, count, ladder).run(8)
    assert [sum(r.rung == rung for r in history) for rung in (0, 1)] >= [8, 4]
    assert 0 < most <= 8 and list(folder.glob("*")) == []
    top = [r for r in history if r.rung == 2]
    assert top
    for r in top:
        whole = run_trial(Job(0, from_json(r.candidate)), digits, TrialSettings(recipe))
        assert isinstance(whole, Outcome) and isinstance(r.outcome, Outcome)
        assert whole.val_accuracy == r.outcome.val_accuracy
        assert [e.train_loss for e in whole.curve] == [e.train_loss for e in r.outcome.curve]


def test_a_network_that_does_not_fit_trains_in_half_batches(
    tmp_path: Path, digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real trial on a device that refuses batches above 40 images."""
    original = functional.cross_entropy

    def cross_entropy(logits: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
        if len(logits) > 40:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        loss: torch.Tensor = original(logits, *rest, **named)
        return loss

    monkeypatch.setattr(functional, "cross_entropy", cross_entropy)
    candidates = CandidateSpace(SPACES["mlp"], SparsityChoices(methods=("random",)), digits.signature)
    records = open_records(tmp_path / "j.log", "study", HEADER, candidates.choices)
    recipe = Recipe(epochs=1, batch_size=64)
    executor = local(Work(make_runner, TrialSettings(recipe), digits), Resources(workers=0, threads=1))
    screen = Screen(candidates, digits, HEADER.objectives)
    (only,) = Search(STRATEGIES["random"], screen, executor, records, candidates).run(1)
    assert (only.state, only.attempts, only.half_batch) == ("finished", 2, True)
    by_hand = run_trial(Job(0, from_json(only.candidate), half_batch=True), digits, TrialSettings(recipe))
    assert isinstance(by_hand, Outcome) and isinstance(only.outcome, Outcome)
    assert by_hand.val_accuracy == only.outcome.val_accuracy


def test_memory_that_ran_out_costs_one_retry_in_half_batches(tmp_path: Path, digits: Task) -> None:
    def answer(job: Job, times: int) -> Outcome | Failure:
        starved = (job.identity == 1 and not job.half_batch) or job.identity == 2
        return Failure("out_of_memory", "CUDA out of memory") if starved else climb(job)

    search = make(tmp_path / "j.log", digits, answer, ladder=Ladder((9,)))
    history = search.run(4)
    assert [(r.state, r.attempts, r.half_batch) for r in history] == [
        ("finished", 1, False),
        ("finished", 2, True),
        ("failed", 2, True),
        ("finished", 1, False),
        ("finished", 1, False),
    ]
    assert open_records(tmp_path / "j.log", "study", search.records.header, ()).history == history
