"""The search: propose, screen, train, record, until enough trials are finished. It reads like the picture.

    strategy -> proposals -> screen -> executor -> records -> (the strategy again)

Steady state: a freed worker gets its next candidate at once, from the history as it stands; nothing waits for a
generation. The loop holds no state that is not in the records, so a killed search resumes by being called again.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import islice

from nas.candidates import from_json
from nas.errors import NasError
from nas.events import Closed, Exhausted, Listener, Retried, Screening, Started
from nas.executors import Executor, Job
from nas.genomes import CandidateSpace
from nas.outcomes import Failure, Outcome
from nas.records import Record, Records
from nas.screen import Screen
from nas.seeds import numpy_stream
from nas.strategies import Strategy

WORKER_DEATHS = 2
"""How often a candidate may lose its worker before it is recorded as failed."""
STARTS = 20
"""How often a candidate may be started in all, restarts of the driver included."""
FAILURES_IN_A_ROW = 25
"""More failures than this, one after the other, mean that something other than the candidates is wrong."""


@dataclass
class Search:
    """One driver's run over a study.

    Args:
        strategy: proposes genomes, as a function of the history.
        screen: chooses among proposals and describes the choice.
        executor: trains candidates on its slots.
        records: the study; everything the search knows.
        candidates: what genomes mean.
        on_event: told of every step.
    """

    strategy: Strategy
    screen: Screen
    executor: Executor
    records: Records
    candidates: CandidateSpace
    on_event: Listener = lambda event: None
    _in_flight: int = 0
    _resumed: deque[Record] = field(default_factory=deque)
    _deaths: Counter[int] = field(default_factory=Counter)

    def run(self, trials: int) -> list[Record]:
        """Run until `trials` trials of the study are finished and none is running; return the whole history.

        Trials that an earlier driver left running are started again first, under their identity. Failed trials
        do not count. Fewer trials are finished only if the strategy has nothing left to propose.

        Raises:
            NasError: 25 trials in a row failed; the message carries the last reason.
        """
        self._resumed.extend(record for record in self.records.history if record.state == "running")
        while True:
            self._fill(trials)
            if self._in_flight == 0:
                return self.records.history
            for job, result in self.executor.wait():
                self._settle(job, result)
            self._stop_if_all_fail()

    def _fill(self, trials: int) -> None:
        """Give every free slot a candidate, as long as more finished trials are wanted."""
        while self._in_flight < self.executor.slots and self._resumed:
            self._restart(self._resumed.popleft())
        while self._in_flight < self.executor.slots:
            if self.records.count("finished") + self._in_flight >= trials or not self._start():
                return
            self._stop_if_all_fail()

    def _restart(self, record: Record) -> None:
        if record.attempts >= STARTS:
            message = f"the driver ended {record.attempts} times while this trial ran"
            self._close(record.number, Failure("worker_died", message))
            return
        self.on_event(Started(self.records.retry(record.number), resumed=True))
        self._submit(Job(record.number, from_json(record.candidate, f"trial {record.number}")))

    def _start(self) -> bool:
        """Propose, choose, record and submit one candidate; False when the strategy has none left."""
        start = time.perf_counter()
        history = self.records.history
        rng = numpy_stream(self.records.header.seed, f"propose/{len(history)}")
        self._tell_screening(history)
        proposals = self.strategy(self.candidates, history, self.screen.width(history, rng), rng)
        if not proposals:
            self.on_event(Exhausted(self.records.count("finished")))
            return False
        propose_seconds = time.perf_counter() - start
        proposal = self.screen.choose(history, proposals)
        record = self.records.open(proposal, {"propose": propose_seconds})
        if proposal.infeasible:
            self._close(record.number, Failure("infeasible", proposal.infeasible))
            return True
        self.on_event(Started(record))
        self._submit(Job(record.number, proposal.candidate))
        return True

    def _submit(self, job: Job) -> None:
        self.executor.submit(job)
        self._in_flight += 1

    def _settle(self, job: Job, result: Outcome | Failure) -> None:
        """Record a result, or start the candidate again if it was its worker's first death."""
        self._in_flight -= 1
        if isinstance(result, Failure) and result.error == "worker_died":
            self._deaths[job.identity] += 1
            if self._deaths[job.identity] < WORKER_DEATHS:
                self.on_event(Retried(self.records.retry(job.identity), result))
                self._submit(job)
                return
        self._close(job.identity, result)

    def _close(self, number: int, result: Outcome | Failure) -> None:
        self.on_event(Closed(self.records.close(number, result)))

    def _tell_screening(self, history: list[Record]) -> None:
        if self.screen.settings is not None:
            finished, minimum = self.records.count("finished"), self.screen.settings.minimum
            self.on_event(Screening(self.screen.active(history), finished, minimum))

    def _stop_if_all_fail(self) -> None:
        closed = (record.outcome for record in reversed(self.records.history) if record.state != "running")
        last = list(islice(closed, FAILURES_IN_A_ROW))
        if len(last) == FAILURES_IN_A_ROW and all(isinstance(result, Failure) for result in last):
            raise NasError(
                f"trials must finish now and then; the last {FAILURES_IN_A_ROW} failed, the latest with "
                f"{last[0]} (task {self.records.header.task}). Mend that and run the same command again."
            )
