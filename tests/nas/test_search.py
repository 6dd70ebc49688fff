"""The search loop on a scripted executor: resuming, retrying, failing, screening; no network is trained."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nas.errors import NasError
from nas.events import Closed, Event, Exhausted, Retried, Screening, Started
from nas.executors import Job
from nas.genomes import CandidateSpace, SparsityChoices
from nas.outcomes import Failure, Outcome
from nas.records import Header, Record, Records, open_records, read_records
from nas.screen import Screen, ScreenSettings
from nas.search import Search
from nas.strategies import STRATEGIES
from nas.tasks import Task, load_task
from search_spaces import SPACES

HEADER = Header("digits", "mlp", ("val_accuracy", "kept"), 0, "choices")


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the library may catch it."""


class Scripted:
    """An executor that answers at once by `answer(job, times submitted)`; newest first, to be unlike a queue."""

    def __init__(self, answer: Callable[[Job, int], Outcome | Failure], slots: int = 2) -> None:
        self.slots = slots
        self._answer = answer
        self._waiting: deque[Job] = deque()
        self.submitted: Counter[int] = Counter()

    def submit(self, job: Job) -> None:
        assert len(self._waiting) < self.slots
        self.submitted[job.identity] += 1
        self._waiting.append(job)

    def wait(self) -> list[tuple[Job, Outcome | Failure]]:
        job = self._waiting.pop()
        return [(job, self._answer(job, self.submitted[job.identity]))]

    def close(self) -> None:
        self._waiting.clear()


def succeed(job: Job, times: int = 1) -> Outcome:
    """An accuracy that rises with density, so that a predictor has something to learn."""
    density = job.candidate.sparsity.density
    return Outcome(0.5 + 0.4 * density, (), 1, 0.0, kept=int(1e5 * density) + 1, total=100_001, multiply_adds=1)


@pytest.fixture(scope="module")
def digits() -> Task:
    return load_task("digits", None)


def make(
    path: Path | str,
    task: Task,
    answer: Callable[[Job, int], Outcome | Failure] = succeed,
    *,
    screen: ScreenSettings | None = None,
    strategy: str = "random",
    trainings: tuple[str, ...] = ("static",),
) -> tuple[Search, list[Event]]:
    candidates = CandidateSpace(
        SPACES["mlp"], SparsityChoices(methods=("random",), trainings=trainings), task.signature
    )
    records = open_records(path, "study", HEADER, candidates.choices)
    events: list[Event] = []
    search = Search(
        STRATEGIES[strategy],
        Screen(candidates, task, HEADER.objectives, screen),
        Scripted(answer),
        records,
        candidates,
        events.append,
    )
    return search, events


def states(history: list[Record]) -> Counter[str]:
    return Counter(record.state for record in history)


def test_runs_to_the_number_of_finished_trials(tmp_path: Path, digits: Task) -> None:
    search, events = make(tmp_path / "j.log", digits)
    history = search.run(7)
    assert states(history) == {"finished": 7}
    assert len({record.digest for record in history}) == 7
    assert sum(isinstance(event, Started) for event in events) == 7
    assert sum(isinstance(event, Closed) for event in events) == 7
    _, read = read_records(tmp_path / "j.log", "study")
    assert read == history


def test_killed_at_any_moment_it_resumes_with_every_trial_once(tmp_path: Path, digits: Task) -> None:
    path, deaths = tmp_path / "j.log", 0
    for death in range(1, 6):

        def answer(job: Job, times: int, death: int = death) -> Outcome:
            if job.identity >= 2 * death:
                raise Killed
            return succeed(job)

        with pytest.raises(Killed):
            make(path, digits, answer)[0].run(12)
        deaths += 1
    search, events = make(path, digits)
    resumed = [event.record.number for event in events if isinstance(event, Started) and event.resumed]
    history = search.run(12)
    resumed = [event.record.number for event in events if isinstance(event, Started) and event.resumed]
    assert states(history) == {"finished": 12}
    assert [record.number for record in history] == list(range(12))
    assert len({record.digest for record in history}) == 12
    assert resumed and deaths == 5


def test_resumed_and_uninterrupted_searches_propose_the_same(tmp_path: Path, digits: Task) -> None:
    settings = ScreenSettings(minimum=5, oversample=4, explore=0.3)
    whole = make(tmp_path / "whole.log", digits, screen=settings, strategy="evolution")[0]
    whole.executor.slots = 1
    for trials in (6, 9, 14):
        part = make(tmp_path / "parts.log", digits, screen=settings, strategy="evolution")[0]
        part.executor.slots = 1
        history = part.run(trials)
    assert [record.digest for record in history] == [record.digest for record in whole.run(14)]


def test_a_result_written_without_its_state_is_completed(tmp_path: Path, digits: Task) -> None:
    search, _ = make(tmp_path / "j.log", digits)
    original = Records._set_state
    with pytest.MonkeyPatch.context() as patch:

        def die(self: Records, number: int, result: Outcome | Failure) -> None:
            if number == 3:
                raise Killed
            original(self, number, result)

        patch.setattr(Records, "_set_state", die)
        with pytest.raises(Killed):
            search.run(6)
    search, events = make(tmp_path / "j.log", digits)
    history = search.run(6)
    assert states(history) == {"finished": 6}
    assert 3 not in {event.record.number for event in events if isinstance(event, Started)}


def test_a_dead_worker_costs_one_retry(tmp_path: Path, digits: Task) -> None:
    def answer(job: Job, times: int) -> Outcome | Failure:
        return Failure("worker_died", "signal 9") if job.identity == 1 and times == 1 else succeed(job)

    search, events = make(tmp_path / "j.log", digits, answer)
    history = search.run(4)
    assert states(history) == {"finished": 4}
    assert [record.attempts for record in history] == [1, 2, 1, 1]
    assert [event.record.number for event in events if isinstance(event, Retried)] == [1]


def test_a_worker_that_dies_twice_is_a_recorded_failure(tmp_path: Path, digits: Task) -> None:
    def answer(job: Job, times: int) -> Outcome | Failure:
        return Failure("worker_died", "signal 9") if job.identity == 1 else succeed(job)

    search, _ = make(tmp_path / "j.log", digits, answer)
    history = search.run(4)
    assert states(history) == {"finished": 4, "failed": 1}
    assert history[1].outcome == Failure("worker_died", "signal 9")


def test_other_failures_are_not_retried_and_do_not_count(tmp_path: Path, digits: Task) -> None:
    def answer(job: Job, times: int) -> Outcome | Failure:
        return Failure("non_finite_loss", "loss is nan") if job.identity % 2 else succeed(job)

    search, _ = make(tmp_path / "j.log", digits, answer)
    history = search.run(4)
    assert states(history)["finished"] == 4
    assert all(record.attempts == 1 for record in history)


def test_if_everything_fails_the_search_stops_with_the_reason(tmp_path: Path, digits: Task) -> None:
    def answer(job: Job, times: int) -> Outcome | Failure:
        return Failure("exception", "RuntimeError: no disk")

    with pytest.raises(NasError, match=r"the last 25 failed.*no disk"):
        make(tmp_path / "j.log", digits, answer)[0].run(4)


def test_a_candidate_that_kills_the_driver_is_given_up(tmp_path: Path, digits: Task) -> None:
    def answer(job: Job, times: int) -> Outcome | Failure:
        if job.identity == 0:
            raise Killed
        return succeed(job)

    path = tmp_path / "j.log"
    for _ in range(20):
        search, _ = make(path, digits, answer)
        search.executor.slots = 1
        with pytest.raises(Killed):
            search.run(2)
    search, _ = make(path, digits, answer)
    history = search.run(2)
    assert isinstance(history[0].outcome, Failure)
    assert history[0].outcome.message == "the driver ended 20 times while this trial ran"
    assert states(history)["finished"] == 2


def test_an_exhausted_space_ends_the_search(tmp_path: Path, digits: Task) -> None:
    search, events = make(tmp_path / "j.log", digits)
    search.strategy = lambda space, history, count, rng: []
    assert search.run(3) == []
    assert any(isinstance(event, Exhausted) for event in events)


def test_below_the_minimum_it_says_that_it_does_not_screen(tmp_path: Path, digits: Task) -> None:
    search, events = make(tmp_path / "j.log", digits, screen=ScreenSettings(minimum=6, oversample=8, explore=0.25))
    history = search.run(30)
    told = [event for event in events if isinstance(event, Screening)]
    assert [event.active for event in told] == [event.finished >= 6 for event in told]
    assert all(record.prediction is None and record.explored for record in history[:6])
    explored = sum(record.explored for record in history[8:])
    assert 0 < explored < 22  # each of 22 explores with probability 1/4: both ends together < 2e-3
    assert all(record.explored == (record.prediction is None) for record in history)


def test_screening_prefers_what_the_predictor_likes(tmp_path: Path, digits: Task) -> None:
    """Accuracy is a function of density here, so predictions must rank with what was measured."""
    search, _ = make(tmp_path / "j.log", digits, screen=ScreenSettings(minimum=12, oversample=16, explore=0.0))
    history = search.run(40)
    screened = [record for record in history if record.prediction is not None]
    errors = [abs(r.prediction - r.values[0]) for r in screened if r.prediction is not None and r.values]
    assert len(screened) >= 26
    assert sum(errors) / len(errors) < 0.08


def test_screening_knows_how_a_mask_moves(tmp_path: Path, digits: Task) -> None:
    """Accuracy is a function of the training here: a guide that saw structure alone would be 0.15 off."""

    def answer(job: Job, times: int) -> Outcome:
        return replace(succeed(job), val_accuracy=0.9 if job.candidate.training == "rigl" else 0.6)

    screen = ScreenSettings(minimum=12, oversample=8, explore=0.3)
    search, _ = make(tmp_path / "j.log", digits, answer, screen=screen, trainings=("static", "rigl"))
    screened = [record for record in search.run(40) if record.prediction is not None]
    errors = [abs(r.prediction - r.values[0]) for r in screened if r.prediction is not None and r.values]
    assert len(screened) >= 10
    assert sum(errors) / len(errors) < 0.05


def test_a_study_of_another_task_is_refused(tmp_path: Path, digits: Task) -> None:
    make(tmp_path / "j.log", digits)
    other = Header("mnist", "mlp", ("val_accuracy", "kept"), 0, "choices")
    with pytest.raises(NasError, match=r"study 'study' belongs to task 'digits'; got 'mnist'"):
        open_records(tmp_path / "j.log", "study", other, ())


def test_a_study_made_by_another_program_is_refused(tmp_path: Path) -> None:
    import optuna

    from nas.journal import open_journal

    study = optuna.create_study(study_name="study", storage=open_journal(tmp_path / "j.log"))
    study.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(NasError, match="must have been made by sparsenas"):
        open_records(tmp_path / "j.log", "study", HEADER, ())
    with pytest.raises(NasError, match="must have been made by sparsenas"):
        read_records(tmp_path / "j.log", "study")


def test_an_absent_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NasError, match="a study's journal must exist"):
        read_records(tmp_path / "absent.log")


def test_a_bad_storage_url_is_one_line() -> None:
    with pytest.raises(NasError, match="a storage URL must open"):
        open_records("nonsense://x", "study", HEADER, ())


def test_any_optuna_url_serves(tmp_path: Path, digits: Task) -> None:
    candidates = CandidateSpace(SPACES["mlp"], SparsityChoices(methods=("random",)), digits.signature)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    records = open_records(url, "study", HEADER, candidates.choices)
    search = Search(
        STRATEGIES["random"],
        Screen(candidates, digits, HEADER.objectives),
        Scripted(succeed),
        records,
        candidates,
    )
    history = search.run(3)
    assert read_records(url, "study")[1] == history
