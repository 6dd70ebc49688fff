"""The driver's hand on a study: trials opened before training, closed once with their result, never lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nas import outcomes
from nas.candidates import to_json
from nas.outcomes import Failure, Outcome
from nas.records.distribution import distribution
from nas.records.record import Header, Proposal, Record, State, record_of
from nas.strategies.chronicle import Chronicle
from search_spaces import Choice

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial


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
        self._counts: Counter[tuple[State, int]] = Counter()
        self._chronicle: Chronicle[Record] = Chronicle()
        self._watchers: list[Callable[[Record], None]] = []
        for trial in storage.get_all_trials(study_id, deepcopy=False):
            self._ids[trial.number] = trial._trial_id
            self._keep(read(trial))
        self._finish_interrupted()

    @property
    def chronicle(self) -> Chronicle[Record]:
        """All records, with what strategies ask of them; it goes on with the study."""
        return self._chronicle

    @property
    def history(self) -> list[Record]:
        """All records, in the order in which they were proposed."""
        return list(self._chronicle)

    def count(self, state: State, rung: int | None = None) -> int:
        """Return how many records are in a state, on any rung or on one."""
        return sum(n for (a, b), n in self._counts.items() if a == state and rung in (None, b))

    def watch(self, tell: Callable[[Record], None]) -> None:
        """Tell of every record there is, and from now on of every one that is new or has changed."""
        for record in self._chronicle:
            tell(record)
        self._watchers.append(tell)

    def _keep(self, record: Record) -> Record:
        """Hold a record as it is now, count it and tell of it."""
        before = self._records.get(record.number)
        if before is not None:
            self._counts[before.state, before.rung] -= 1
        self._counts[record.state, record.rung] += 1
        self._records[record.number] = record
        self._chronicle.put(record.number, record)
        for tell in self._watchers:
            tell(record)
        return record

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
            "rung": proposal.rung,
            "half_batch": proposal.half_batch,
        }
        params = {c.name: c.values[g] for c, g in zip(self._choices, proposal.genes, strict=True)}
        template = create_trial(
            state=TrialState.RUNNING,
            params=params,
            distributions=self._distributions,
            user_attrs=attributes,
        )
        trial_id = self._storage.create_new_trial(self._study_id, template_trial=template)
        number = self._storage.get_trial_number_from_id(trial_id)
        self._ids[number] = trial_id
        self._open_seconds[number] = time.perf_counter() - start
        return self._keep(record_of(number, "running", None, attributes))

    def retry(self, number: int, *, half_batch: bool = False) -> Record:
        """Count one more attempt at a running trial, under the same identity; from now on in half batches if said."""
        record = self._records[number]
        changes: dict[str, Any] = {"half_batch": True} if half_batch else {}
        changes["attempts"] = record.attempts + 1
        for name, value in changes.items():
            self._storage.set_trial_user_attr(self._ids[number], name, value)
        return self._keep(replace(record, **changes))

    def close(self, number: int, result: Outcome | Failure) -> Record:
        """Write the result of a running trial, once and for all."""
        start = time.perf_counter()
        record = self._records[number]
        self._storage.set_trial_user_attr(self._ids[number], "result", outcomes.to_json(result))
        seconds = self._open_seconds.pop(number, 0.0) + time.perf_counter() - start
        overhead = {**record.overhead, "record": seconds}
        self._storage.set_trial_user_attr(self._ids[number], "overhead", overhead)
        self._set_state(number, result)
        return self._keep(self._closed(replace(record, overhead=overhead), result))

    @cached_property
    def _distributions(self) -> dict[str, BaseDistribution]:
        return {choice.name: distribution(choice) for choice in self._choices}

    def _set_state(self, number: int, result: Outcome | Failure) -> None:
        from optuna.trial import TrialState

        values = self._values(result)
        state = TrialState.FAIL if values is None else TrialState.COMPLETE
        self._storage.set_trial_state_values(self._ids[number], state, values)

    def _closed(self, record: Record, result: Outcome | Failure) -> Record:
        state: State = "finished" if isinstance(result, Outcome) else "failed"
        return replace(record, state=state, outcome=result, values=self._values(result))

    def _values(self, result: Outcome | Failure) -> tuple[float, ...] | None:
        if isinstance(result, Failure):
            return None
        return tuple(float(getattr(result, name)) for name in self.header.objectives)

    def _finish_interrupted(self) -> None:
        """Close trials whose result was written but whose state was not: the driver died between the two writes."""
        for record in self.history:
            if record.state == "running" and record.outcome is not None:
                self._set_state(record.number, record.outcome)
                self._keep(self._closed(record, record.outcome))


def read(trial: FrozenTrial) -> Record:
    """Return the record of a stored trial.

    Raises:
        NasError: sparsenas did not write it.
    """
    from optuna.trial import TrialState

    states: dict[TrialState, State] = {TrialState.COMPLETE: "finished", TrialState.FAIL: "failed"}
    values = tuple(trial.values) if trial.values is not None else None
    return record_of(trial.number, states.get(trial.state, "running"), values, trial.user_attrs)
