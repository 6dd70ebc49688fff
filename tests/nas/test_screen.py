"""Screening: choices as by the plain way, acquisitions that resume, beliefs about errors, nothing learnt twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nas.errors import NasError
from nas.executors import Job
from nas.genomes import CandidateSpace, Genes, SparsityChoices
from nas.guidance import ACQUISITIONS, GUIDES, SCENARIOS, Guidance, merit
from nas.lessons import Growing, Lessons
from nas.outcomes import Outcome
from nas.promise import Scales
from nas.records import Header, History, Proposal, Record, open_records
from nas.screen import Screen, ScreenSettings
from nas.search import Search
from nas.strategies import STRATEGIES
from nas.tasks import Task, load_task
from search_spaces import SPACES
from tests.nas import plain_screen
from tests.nas.test_search import Scripted, succeed

BOTH = ("val_accuracy", "kept")
TWO_ERRORS = ("val_accuracy", "kept", "long_error", "legality_error")
Answer = Callable[[Job, int], Outcome]


@pytest.fixture(scope="module")
def digits() -> Task:
    return load_task("digits", None)


def erring(job: Job, times: int = 1) -> Outcome:
    """One error is a function of density, the other a draw that no structure tells."""
    density = job.candidate.sparsity.density
    drawn = float(np.random.default_rng(job.candidate.seed).uniform(0.2, 0.6))
    return replace(succeed(job), measures={"long_error": 0.5 - 0.4 * density, "legality_error": drawn})


class Watched(Screen):
    """A screen that keeps what it was asked and what it chose."""

    asked: list[tuple[list[Record], list[Genes], Proposal]]

    def choose(self, history: History, proposals: Sequence[Genes]) -> Proposal:
        chosen = super().choose(history, proposals)
        self.asked.append((list(history), list(proposals), chosen))
        return chosen


def search(
    path: Path,
    task: Task,
    objectives: Sequence[str],
    settings: ScreenSettings,
    answer: Answer = succeed,
    slots: int = 1,
) -> tuple[Search, Watched]:
    candidates = CandidateSpace(SPACES["mlp"], SparsityChoices(methods=("random",)), task.signature)
    records = open_records(path, "study", Header("digits", "mlp", tuple(objectives), 0, "choices"), candidates.choices)
    screen = Watched(candidates, task, objectives, settings)
    screen.asked = []
    executor = Scripted(answer, slots)
    return Search(STRATEGIES["evolution"], screen, executor, records, candidates), screen


@pytest.mark.parametrize("objectives", [("val_accuracy",), BOTH], ids=len)
def test_choices_are_those_of_the_plain_way(tmp_path: Path, digits: Task, objectives: tuple[str, ...]) -> None:
    settings = ScreenSettings(minimum=8, oversample=6, explore=0.0)
    loop, screen = search(tmp_path / "j.log", digits, objectives, settings)
    loop.run(26)
    screened = [asked for asked in screen.asked if asked[2].prediction is not None]
    assert len(screened) >= 10
    for history, proposals, chosen in screened:
        described = [screen._describe(genes) for genes in proposals]
        features, costs = [dict(d.features) for d in described], [dict(d.costs) for d in described]
        best = plain_screen.choice(history, features, costs, objectives, settings, len(digits.val))
        assert best is not None and proposals[best] == chosen.genes


@pytest.mark.parametrize("objectives", [("val_accuracy",), TWO_ERRORS], ids=len)
@pytest.mark.parametrize("acquisition", sorted(ACQUISITIONS))
def test_a_resumed_search_chooses_the_same(
    tmp_path: Path, digits: Task, acquisition: str, objectives: tuple[str, ...]
) -> None:
    settings = ScreenSettings(minimum=6, oversample=4, explore=0.2, guides=("trees",), acquisition=acquisition)
    whole = search(tmp_path / "whole.log", digits, objectives, settings, erring)[0].run(14)
    for trials in (8, 11, 14):
        parts = search(tmp_path / "parts.log", digits, objectives, settings, erring)[0].run(trials)
    assert [record.digest for record in parts] == [record.digest for record in whole]
    assert any(record.prediction is not None for record in whole)


def test_unknown_names_are_refused_in_one_line() -> None:
    with pytest.raises(NasError, match=r"unknown acquisition 'thomson'; did you mean 'thompson'\?"):
        ScreenSettings(acquisition="thomson")
    with pytest.raises(NasError, match=r"unknown guide 'tree'; did you mean 'trees'\?"):
        ScreenSettings(guides=("process", "tree"))
    with pytest.raises(NasError, match="guidance needs at least one guide"):
        ScreenSettings(guides=())


def test_every_acquisition_serves_several_objectives_and_weighs_its_cases_as_it_says() -> None:
    assert set(SCENARIOS) == set(ACQUISITIONS)
    rng = np.random.default_rng(0)
    for beliefs in (1, 2, 3):
        weights, offsets = SCENARIOS["expected_improvement"](beliefs, 2, rng)
        assert offsets.shape == (len(weights), beliefs, 2)
        share = weights / weights.sum()
        for one in range(beliefs):  # moments of independent standard normal variables
            assert share @ offsets[:, one, 0] == pytest.approx(0.0, abs=1e-12)
            assert share @ offsets[:, one, 1] ** 2 == pytest.approx(1.0)
            assert share @ offsets[:, one, 0] ** 4 == pytest.approx(3.0)
            for other in range(one):
                assert share @ (offsets[:, one, 0] * offsets[:, other, 0]) == pytest.approx(0.0, abs=1e-12)
    assert np.array_equal(SCENARIOS["upper_confidence"](2, 3, rng)[1], np.ones((1, 2, 3)))
    drawn = SCENARIOS["thompson"](2, 20_000, rng)[1]
    assert drawn.shape == (1, 2, 20_000)
    assert drawn.mean(axis=2) == pytest.approx(0.0, abs=0.036)  # five standard errors
    assert np.corrcoef(drawn[0])[0, 1] == pytest.approx(0.0, abs=0.036)


def test_errors_are_believed_by_their_own_guide_or_as_measured(tmp_path: Path, digits: Task) -> None:
    settings = ScreenSettings(minimum=12, oversample=8, explore=0.0)
    loop, screen = search(tmp_path / "j.log", digits, TWO_ERRORS, settings, erring)
    history = loop.run(30)
    errors = np.array([[r.outcome.measures[name] for name in TWO_ERRORS[2:]] for r in history])  # type: ignore[union-attr]
    lessons = screen.lessons(loop.records.chronicle)
    assert lessons.fractions[:, 1:] == pytest.approx(1.0 - errors)
    described = [screen._describe(record.genes) for record in history]
    beliefs = screen._beliefs(lessons, described)
    assert beliefs is not None
    means, deviations = beliefs
    assert np.corrcoef(means[1], merit(1.0 - errors[:, 0]))[0, 1] > 0.9, "density tells it"
    merits = merit(1.0 - errors[:, 1])
    guide = Guidance(settings.guidance(), lessons.names).guide(lessons.x, merits)
    expected = (np.full(30, merits.mean()), np.full(30, merits.std()))
    if guide is not None:  # chance passes one in ten
        expected = guide.guide.posterior(lessons.x)
    assert means[2] == pytest.approx(expected[0]) and deviations[2] == pytest.approx(expected[1])


def test_an_error_that_no_guide_tells_counts_alike_for_all(tmp_path: Path, digits: Task) -> None:
    """All errors are equal: there is nothing to learn, so its belief is their mean, as sure as can be."""

    def answer(job: Job, times: int) -> Outcome:
        return replace(erring(job), measures={"long_error": 0.25})

    settings = ScreenSettings(minimum=8, oversample=6, explore=0.0)
    loop, screen = search(tmp_path / "j.log", digits, ("val_accuracy", "long_error"), settings, answer)
    history = loop.run(16)
    beliefs = screen._beliefs(screen.lessons(loop.records.chronicle), [screen._describe(r.genes) for r in history])
    assert beliefs is not None
    assert beliefs[0][1] == pytest.approx(float(merit(np.array([0.75]))[0]))
    assert np.all((beliefs[1][1] > 0.0) & (beliefs[1][1] < 1e-6))
    assert any(record.prediction is not None for record in history)


def test_a_smaller_error_is_worth_more() -> None:
    scales = Scales(("val_accuracy", "kept", "long_error"), 100)
    points = scales.points(np.array([[0.9, 100.0, 0.1], [0.9, 100.0, 0.05], [0.9, 100.0, 0.0], [0.9, 100.0, 0.005]]))
    assert points[:, 2] == pytest.approx(-np.log10([0.1, 0.05, 0.005, 0.005]))
    assert np.all(points[:, :2] == points[0, :2])
    reference = scales.reference(points)
    assert reference[2] == pytest.approx(np.median(points[:, 2])) and reference[1] == pytest.approx(-2 - np.log10(1.1))


def test_lessons_of_a_growing_history_are_those_of_the_whole(tmp_path: Path, digits: Task) -> None:
    """Results arrive out of order, the newest first; each is taken in once, in the order in which it came."""
    settings = ScreenSettings(minimum=5, oversample=4, explore=0.5)
    loop, screen = search(tmp_path / "j.log", digits, BOTH, settings, slots=4)
    history = loop.run(20)
    kept = screen.lessons(loop.records.chronicle)
    arrived = loop.records.chronicle.parents.arrivals
    assert sorted(record.number for record in arrived) == [record.number for record in history]
    whole = Lessons(BOTH, lambda record: record.features, screen._scales.points)
    whole.learn(list(arrived))
    assert whole.names == kept.names
    for mine, other in ((kept.x, whole.x), (kept.fractions, whole.fractions), (kept.points, whole.points)):
        assert np.array_equal(mine, other)
    assert np.array_equal(kept.front, whole.front)
    reads = [0]

    def told(record: Record) -> dict[str, float]:
        reads[0] += 1
        return dict(record.features)

    once = Lessons(BOTH, told, screen._scales.points)
    for count in (3, 3, 11, 20):
        once.learn(arrived[:count] if count < 20 else arrived)
    assert reads == [20] and np.array_equal(once.front, whole.front)


def test_rows_that_were_read_stay_when_others_are_added() -> None:
    rng, growing = np.random.default_rng(0), Growing(3)
    rows = rng.random((100, 3))
    growing.add(rows[:7])
    first = growing.rows
    for start in range(7, 100, 31):
        growing.add(rows[start : start + 31])
    assert np.array_equal(first, rows[:7]) and np.array_equal(growing.rows, rows)


@pytest.mark.parametrize("name", sorted(GUIDES))
def test_one_guide_alone_may_be_asked_for(tmp_path: Path, digits: Task, name: str) -> None:
    settings = ScreenSettings(minimum=8, oversample=4, explore=0.0, guides=(name,))
    loop, screen = search(tmp_path / "j.log", digits, BOTH, settings)
    loop.run(12)
    chosen = screen._guidances[0].guide(*_learned(screen, loop))
    assert chosen is not None and chosen.name == name


def _learned(screen: Screen, loop: Search) -> tuple[np.ndarray, np.ndarray]:
    lessons = screen.lessons(loop.records.chronicle)
    return lessons.x, merit(lessons.fractions[:, 0])
