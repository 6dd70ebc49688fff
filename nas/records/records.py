"""A driver's hand on a study: trials opened before training, closed once with their result, never lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from nas import outcomes
from nas.candidates import to_json
from nas.objectives import OBJECTIVES
from nas.outcomes import Failure, Outcome
from nas.records.distribution import distribution
from nas.records.drivers import Drivers
from nas.records.record import Header, Proposal, Record, State, record_of
from nas.strategies.chronicle import Chronicle
from search_spaces import Choice

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial


class Records:
    """The records of one study, as this driver knows them.

    Several drivers may work on a study: `refresh` learns what others did, `orphans` are the trials of those that ended,
    `claim` takes one over. A trial is closed once, whoever comes first.
    """

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
        self._running: set[int] = set()
        self._gap: list[Record] = []
        self._watchers: list[Callable[[Record], None]] = []
        for trial in storage.get_all_trials(study_id, deepcopy=False):
            self._ids[trial.number] = trial._trial_id
            self._keep(read(trial))
        self.drivers = Drivers(storage, study_id)

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
        if record.state == "running":
            self._running.add(record.number)
        else:
            self._running.discard(record.number)
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
            "features": proposal.features,  # held once, by all who hold it: nobody changes them
            "explored": proposal.explored,
            "prediction": proposal.prediction,
            "overhead": {**proposal.overhead, **(overhead or {})},
            "attempts": 1,
            "rung": proposal.rung,
            "half_batch": proposal.half_batch,
            "driver": self.drivers.me,
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
        self._gap = []
        if number > len(self._records):  # another driver has opened trials meanwhile
            self._gap = [record for record in self._read_on() if record.number < number]
        self._ids[number] = trial_id
        self._open_seconds[number] = time.perf_counter() - start
        return self._keep(record_of(number, "running", None, attributes))

    def retry(self, number: int, *, half_batch: bool = False) -> Record:
        """Count one more attempt at a running trial, under the same identity; from now on in half batches if said."""
        record = self._records[number]
        changes: dict[str, Any] = {"half_batch": True} if half_batch else {}
        changes["attempts"] = record.attempts + 1
        changes["driver"] = self.drivers.me
        with self._unless_closed():
            for name, value in changes.items():
                self._storage.set_trial_user_attr(self._ids[number], name, value)
            self._keep(replace(record, **changes))
        return self._records[number]

    def close(self, number: int, result: Outcome | Failure) -> Record:
        """Write the result of a running trial, once and for all; what another driver wrote before stays."""
        start = time.perf_counter()
        record = self._records[number]
        with self._unless_closed():
            self._storage.set_trial_user_attr(self._ids[number], "result", outcomes.to_json(result))
            seconds = self._open_seconds.pop(number, 0.0) + time.perf_counter() - start
            overhead = {**record.overhead, "record": seconds}
            self._storage.set_trial_user_attr(self._ids[number], "overhead", overhead)
            self._set_state(number, result)
            self._keep(self._closed(replace(record, overhead=overhead), result))
        return self._records[number]

    def refresh(self) -> list[Record]:
        """Learn what other drivers have done; return the records that are new or have changed, in order.

        Where there is no other driver that costs a look at who there is, else a look at all trials.
        """
        return self._read_on() if self.drivers.listen() else []

    def running(self) -> list[Record]:
        """Return the records in state running, whoever trains them, in order."""
        return [self._records[number] for number in sorted(self._running)]

    def orphans(self) -> list[Record]:
        """Return the running records of other drivers that have ended."""
        return [r for r in self.running() if r.driver != self.drivers.me and not self.drivers.alive(r.driver)]

    def claim(self, number: int) -> Record | None:
        """Take over a trial that no driver runs any more and return it; None if another driver was first.

        A trial whose result was written but whose state was not (its driver ended in between) is closed by that.
        """
        self.drivers.listen()
        self._read_on()
        record = self._records[number]
        if record.state == "running" and record.outcome is not None and record in self.orphans():
            return self.close(number, record.outcome)
        if record.state != "running" or (record.driver != self.drivers.me and record not in self.orphans()):
            return None
        claimed = self.retry(number)
        self._read_on()
        return claimed if self._records[number].driver == self.drivers.me else None

    def earlier(self, record: Record) -> Record | None:
        """Return a record of the same candidate and rung that another driver opened before this one, or None."""
        others = (r for r in self._gap if (r.digest, r.rung) == (record.digest, record.rung))
        return next((r for r in others if r.number < record.number), None)

    def count_before(self, record: Record) -> int:
        """Return how many records of the lowest rung, none of them failed, were opened before this one."""
        if not self._gap:
            return 0
        return sum(r.state != "failed" and r.rung == 0 for r in islice(self._chronicle, record.number))

    def _read_on(self) -> list[Record]:
        learned = []
        for trial in self._storage.get_all_trials(self._study_id, deepcopy=False):
            held = self._records.get(trial.number)
            if held is not None and held.state != "running":
                continue
            if (record := read(trial)) != held:
                self._ids[trial.number] = trial._trial_id
                learned.append(self._keep(record))
        return learned

    @contextmanager
    def _unless_closed(self) -> Iterator[None]:
        """Let writes to a trial that another driver has closed come to nothing, and learn what it was closed with."""
        from optuna.exceptions import UpdateFinishedTrialError

        try:
            yield
        except UpdateFinishedTrialError:
            self._read_on()

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
        return tuple(OBJECTIVES[name].of(result) for name in self.header.objectives)


def read(trial: FrozenTrial) -> Record:
    """Return the record of a stored trial.

    Raises:
        NasError: sparsenas did not write it.
    """
    from optuna.trial import TrialState

    states: dict[TrialState, State] = {TrialState.COMPLETE: "finished", TrialState.FAIL: "failed"}
    values = tuple(trial.values) if trial.values is not None else None
    return record_of(trial.number, states.get(trial.state, "running"), values, trial.user_attrs)
