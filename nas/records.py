"""The history of a search: an Optuna study, and the only file that opens Optuna's storage.

A trial is created in state RUNNING before its training starts, with everything that identifies it, and closed once
with its result, so that a driver killed at any moment loses no finished trial and can take up the running ones.
Dashboard, plots and importances read the same study.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from nas import outcomes
from nas.candidates import Candidate, to_json
from nas.errors import NasError
from nas.genomes import Genes
from nas.outcomes import Failure, Outcome
from search_spaces import Choice

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

FORMAT = "sparsenas/study/1"
State: TypeAlias = Literal["running", "finished", "failed"]
DIRECTIONS: dict[str, str] = {"val_accuracy": "maximize", "kept": "minimize", "multiply_adds": "minimize"}


@dataclass(frozen=True)
class Header:
    """What a study is about; a study opened under another header is refused."""

    task: str
    space: str
    objectives: tuple[str, ...]
    seed: int
    choices: str
    """Digest of the genome's alphabet: genes recorded under another one mean something else."""


@dataclass(frozen=True)
class Record:
    """One trial: what was proposed and why, and what came of it.

    `values` are the objectives in the study's order, for finished trials only. `prediction` is the validation
    accuracy that the screen expected when it chose the candidate, or None when it was not asked.
    """

    number: int
    genes: Genes
    digest: str
    state: State
    outcome: Outcome | Failure | None = None
    values: tuple[float, ...] | None = None
    features: Mapping[str, float] = field(default_factory=dict)
    explored: bool = True
    attempts: int = 1
    prediction: float | None = None
    candidate: Mapping[str, Any] = field(default_factory=dict)
    overhead: Mapping[str, float] = field(default_factory=dict)


History: TypeAlias = Sequence[Record]


@dataclass(frozen=True)
class Proposal:
    """A candidate chosen for training, with what the driver already knows of it."""

    genes: Genes
    digest: str
    candidate: Candidate
    features: Mapping[str, float] = field(default_factory=dict)
    explored: bool = True
    prediction: float | None = None
    overhead: Mapping[str, float] = field(default_factory=dict)
    infeasible: str = ""
    """Why the candidate cannot be trained; empty when it can."""


class Records:
    """The records of one study. One driver writes them; any number of readers may open the storage."""

    def __init__(self, storage: BaseStorage, study_id: int, header: Header, choices: Sequence[Choice]) -> None:
        self._storage = storage
        self._study_id = study_id
        self._choices = tuple(choices)
        self.header = header
        self._ids: dict[int, int] = {}
        self._records: dict[int, Record] = {}
        self._open_seconds: dict[int, float] = {}
        for trial in storage.get_all_trials(study_id, deepcopy=False):
            self._ids[trial.number] = trial._trial_id
            self._records[trial.number] = _read(trial)
        self._finish_interrupted()

    @property
    def history(self) -> list[Record]:
        """All records, in the order in which they were proposed."""
        return list(self._records.values())

    def count(self, state: State) -> int:
        """Return how many records are in a state."""
        return sum(record.state == state for record in self._records.values())

    def open(self, proposal: Proposal, overhead: Mapping[str, float] | None = None) -> Record:
        """Write a new trial in state running and return its record.

        Args:
            proposal: what goes to training.
            overhead: seconds the driver spent on it before `proposal` was chosen, by step.
        """
        from optuna.trial import TrialState, create_trial

        start = time.perf_counter()
        attributes = {
            "digest": proposal.digest,
            "genes": list(proposal.genes),
            "candidate": to_json(proposal.candidate),
            "features": dict(proposal.features),
            "explored": proposal.explored,
            "prediction": proposal.prediction,
            "overhead": {**proposal.overhead, **(overhead or {})},
            "attempts": 1,
        }
        params = {c.name: c.values[g] for c, g in zip(self._choices, proposal.genes, strict=True)}
        template = create_trial(
            state=TrialState.RUNNING,
            params=params,
            distributions={choice.name: distribution(choice) for choice in self._choices},
            user_attrs=attributes,
        )
        trial_id = self._storage.create_new_trial(self._study_id, template_trial=template)
        number = self._storage.get_trial_number_from_id(trial_id)
        self._ids[number] = trial_id
        self._records[number] = _record(number, "running", None, attributes)
        self._open_seconds[number] = time.perf_counter() - start
        return self._records[number]

    def retry(self, number: int) -> Record:
        """Count one more attempt at a running trial, under the same identity."""
        record = self._records[number]
        attempts = record.attempts + 1
        self._storage.set_trial_user_attr(self._ids[number], "attempts", attempts)
        self._records[number] = replace(record, attempts=attempts)
        return self._records[number]

    def close(self, number: int, result: Outcome | Failure) -> Record:
        """Write the result of a running trial, once and for all."""
        start = time.perf_counter()
        record = self._records[number]
        self._storage.set_trial_user_attr(self._ids[number], "result", outcomes.to_json(result))
        seconds = self._open_seconds.pop(number, 0.0) + time.perf_counter() - start
        overhead = {**record.overhead, "record": seconds}
        self._storage.set_trial_user_attr(self._ids[number], "overhead", overhead)
        self._set_state(number, result)
        self._records[number] = replace(
            record,
            state="finished" if isinstance(result, Outcome) else "failed",
            outcome=result,
            values=self._values(result),
            overhead=overhead,
        )
        return self._records[number]

    def _set_state(self, number: int, result: Outcome | Failure) -> None:
        from optuna.trial import TrialState

        values = self._values(result)
        state = TrialState.FAIL if values is None else TrialState.COMPLETE
        self._storage.set_trial_state_values(self._ids[number], state, values)

    def _values(self, result: Outcome | Failure) -> tuple[float, ...] | None:
        if isinstance(result, Failure):
            return None
        return tuple(float(getattr(result, name)) for name in self.header.objectives)

    def _finish_interrupted(self) -> None:
        """Close trials whose result was written but whose state was not: the driver died between the two writes."""
        for number, record in self._records.items():
            if record.state == "running" and record.outcome is not None:
                self._set_state(number, record.outcome)
                finished = isinstance(record.outcome, Outcome)
                self._records[number] = replace(
                    record, state="finished" if finished else "failed", values=self._values(record.outcome)
                )


def open_records(storage: str | Path, name: str, header: Header, choices: Sequence[Choice]) -> Records:
    """Open the study `name`, or create it.

    Args:
        storage: a path (Optuna journal file) or any storage URL that Optuna knows.
        name: the study's name.
        header: what the study must be about.
        choices: the genome's alphabet.

    Raises:
        NasError: the storage cannot be opened or read, or the study is about something else.
    """
    backend = open_storage(storage)
    optuna = _optuna()
    directions = [DIRECTIONS[objective] for objective in header.objectives]
    study = optuna.create_study(study_name=name, storage=backend, directions=directions, load_if_exists=True)
    found = study.user_attrs.get("sparsenas")
    if found is None:
        if study.trials:
            raise NasError(f"study '{name}' must have been made by sparsenas; it holds trials of something else.")
        study.set_user_attr("sparsenas", {"format": FORMAT, **_plain(header)})
        study.set_metric_names(list(header.objectives))
    else:
        _check_header(name, found, header)
    return Records(backend, study._study_id, header, choices)


def read_records(storage: str | Path, name: str | None = None) -> tuple[Header, list[Record]]:
    """Return the header and history of an existing study without writing to it.

    Raises:
        NasError: there is no such study, or it was not made by sparsenas.
    """
    if isinstance(storage, Path) and not storage.exists():
        raise NasError(f"a study's journal must exist; got none ({storage}). Run `sparsenas search` first.")
    backend = open_storage(storage)
    names = {study.study_name: study for study in backend.get_all_studies()}
    if name is None and len(names) == 1:
        name = next(iter(names))
    if name not in names:
        raise NasError(f"a study name must be one of {sorted(names)}; got {name!r} ({storage}). Name one of them.")
    found = names[name].user_attrs.get("sparsenas")
    if found is None:
        raise NasError(f"study '{name}' must have been made by sparsenas; it was not ({storage}).")
    header = _header(found)
    trials = backend.get_all_trials(names[name]._study_id, deepcopy=False)
    return header, [_read(trial) for trial in trials]


def open_storage(storage: str | Path) -> BaseStorage:
    """Return Optuna's storage behind a journal path or URL, after checking a journal file line by line.

    Raises:
        NasError: the file is not writable or a line is corrupt, or the URL cannot be opened.
    """
    optuna = _optuna()
    if isinstance(storage, Path):
        from nas.journal import open_journal

        return open_journal(storage)
    try:
        opened: BaseStorage = optuna.storages.get_storage(storage)
        return opened
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NasError(f"a storage URL must open; got '{first}' ({storage}). Check the URL and the server.") from None


def distribution(choice: Choice) -> BaseDistribution:
    """Return the Optuna distribution that shows a choice best: numeric when ordered, categorical otherwise."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    numbers = [value for value in choice.values if isinstance(value, int | float)]
    if not choice.ordered or len(numbers) < len(choice.values) or len(numbers) < 2:
        return CategoricalDistribution(choice.values)
    low, high = min(numbers), max(numbers)
    if all(isinstance(value, int) for value in numbers):
        return IntDistribution(int(low), int(high), log=low > 0)
    return FloatDistribution(float(low), float(high), log=low > 0)


def _optuna() -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def _plain(header: Header) -> dict[str, Any]:
    return json.loads(json.dumps(header.__dict__))  # type: ignore[no-any-return]


def _header(found: Mapping[str, Any]) -> Header:
    fields = {name: value for name, value in found.items() if name != "format"}
    return Header(**{**fields, "objectives": tuple(fields["objectives"])})


def _check_header(name: str, found: Mapping[str, Any], header: Header) -> None:
    if found.get("format") != FORMAT:
        raise NasError(f"study '{name}' must have format '{FORMAT}'; got {found.get('format')!r}. Use a new --name.")
    for key, value in _plain(header).items():
        if found.get(key) != value:
            raise NasError(
                f"study '{name}' belongs to {key} {found.get(key)!r}; got {value!r}. "
                f"Resume it with the same settings, or choose another --name."
            )


def _read(trial: FrozenTrial) -> Record:
    from optuna.trial import TrialState

    states: dict[TrialState, State] = {TrialState.COMPLETE: "finished", TrialState.FAIL: "failed"}
    values = tuple(trial.values) if trial.values is not None else None
    return _record(trial.number, states.get(trial.state, "running"), values, trial.user_attrs)


def _record(number: int, state: State, values: tuple[float, ...] | None, attributes: Mapping[str, Any]) -> Record:
    try:
        result = attributes.get("result")
        return Record(
            number=number,
            genes=tuple(attributes["genes"]),
            digest=attributes["digest"],
            state=state,
            outcome=outcomes.from_json(result) if result is not None else None,
            values=values,
            features=attributes["features"],
            explored=attributes["explored"],
            attempts=attributes["attempts"],
            prediction=attributes.get("prediction"),
            candidate=attributes["candidate"],
            overhead=attributes.get("overhead", {}),
        )
    except KeyError as error:
        raise NasError(f"trial {number} must carry the attributes sparsenas writes; {error} is missing.") from None
