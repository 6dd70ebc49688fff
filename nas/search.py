"""The search: propose, screen, train, record, until enough trials are finished. It reads like the picture.

    strategy -> proposals -> screen -> executor -> records -> (the strategy again)

Steady state: a freed worker gets its next candidate at once, from the history as it stands; nothing waits for a
generation. With a ladder it may instead take a candidate further that did well in few epochs. The loop holds no state
that is not in the records, so a killed search resumes by being called again, and several drivers may work on one study.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from itertools import islice

from nas.candidates import from_json
from nas.errors import NasError
from nas.events import Closed, Exhausted, Listener, Retried, Screening, Started
from nas.executors import Executor, Job
from nas.genomes import CandidateSpace
from nas.ladder import Ladder, Sweep
from nas.outcomes import Failure, Outcome
from nas.records import STATES, History, Proposal, Record, Records
from nas.rungs import Rungs
from nas.screen import Screen
from nas.seeds import numpy_stream
from nas.standing import Standing
from nas.strategies import Strategy
from nas.strategies.chronicle import parents

WORKER_DEATHS = 2
"""How often a candidate may lose its worker before it is recorded as failed."""
STARTS = 20
"""How often a candidate may be started in all, restarts of the driver included."""
POLL_SECONDS = 1.0
"""Between two looks at what other drivers are doing, when there is nothing left to start."""
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
        ladder: the rungs of epochs on which candidates are compared; None trains each candidate once, to its end.
    """

    strategy: Strategy
    screen: Screen
    executor: Executor
    records: Records
    candidates: CandidateSpace
    on_event: Listener = lambda event: None
    ladder: Ladder | None = None
    _in_flight: int = 0
    _resumed: deque[int] = field(default_factory=deque)
    _exhausted: bool = False
    _deaths: Counter[int] = field(default_factory=Counter)
    _standing: Standing | None = None
    _rungs: Rungs = field(default_factory=Rungs)
    _sweep: Sweep | None = None

    def __post_init__(self) -> None:
        if self.ladder is not None:
            self._standing = self.ladder.standing()
            self.records.watch(self._standing.tell)
            self.records.watch(self._rungs.tell)
            if self.ladder.checkpoints is not None:
                self._sweep = Sweep(self.ladder.checkpoints, self._standing)

    def run(self, trials: int) -> list[Record]:
        """Run until `trials` trials of the study are finished and none is running; return the whole history.

        Trials that an earlier driver left running are started again first, under their identity; so are those of
        another driver of the study that ends meanwhile. Failed trials do not count, nor do promotions to higher rungs,
        all of which that are due are finished too. Fewer trials are finished only if the strategy has nothing left to
        propose.

        Raises:
            NasError: 25 trials in a row failed; the message carries the last reason.
        """
        with self.records.drivers.working():
            self.records.refresh()
            self._resumed.extend(r.number for r in self.records.running() if r.driver == self.records.drivers.me)
            while self._round(trials):
                self._stop_if_all_fail()
            if self._sweep:
                self._sweep.finish()
            return self.records.history

    def _round(self, trials: int) -> bool:
        """Fill the slots and take in what ends; False when nothing runs any more, here or elsewhere."""
        self._fill(trials)
        if self._in_flight == 0:
            if not self.records.running():
                return False
            time.sleep(POLL_SECONDS)  # other drivers run the last trials, and may yet fail or end
            return True
        ended = self.executor.wait()
        for job, result in ended:
            self._settle(job, result)
        if self._sweep:
            self._sweep.after(len(ended), trials)
        return True

    def _fill(self, trials: int) -> None:
        """Give every free slot a candidate, as long as more finished trials are wanted."""
        while self._in_flight < self.executor.slots:
            self._learn()
            if self._resumed:
                self._restart(self._resumed.popleft())
            elif not self._promote() and not (self._more_wanted(trials) and self._start(trials)):
                return
            self._stop_if_all_fail()

    def _learn(self) -> None:
        """Take in what other drivers did, and the trials of those that have ended."""
        for record in self.records.refresh():
            if record.state != "running":
                self.on_event(Closed(record))
        self._resumed.extend(r.number for r in self.records.orphans() if r.number not in self._resumed)

    def _more_wanted(self, trials: int) -> bool:
        return self.records.count("finished", rung=0) + self.records.count("running", rung=0) < trials

    def _restart(self, number: int) -> None:
        record = self.records.claim(number)
        if record is None:
            return
        if record.state != "running":
            self.on_event(Closed(record))
        elif record.attempts > STARTS:
            message = f"the driver ended {record.attempts - 1} times while this trial ran"
            self._close(record.number, Failure("worker_died", message))
        else:
            self._send(record, resumed=True)

    def _promote(self) -> bool:
        """Record and submit the candidate that is due for a higher rung; False when none is."""
        if self._standing is None:
            return False
        start = time.perf_counter()
        record = self._standing.promotion()
        if record is None:
            return False
        proposal = Proposal(
            genes=record.genes,
            digest=record.digest,
            candidate=from_json(record.candidate, f"trial {record.number}"),
            features=record.features,
            explored=record.explored,
            prediction=record.prediction,
            rung=record.rung + 1,
            half_batch=record.half_batch,
        )
        opened = self.records.open(proposal, {"propose": time.perf_counter() - start})
        if not self._withdraw(opened, None):
            self._send(opened)
        return True

    def _withdraw(self, record: Record, trials: int | None) -> bool:
        """Close a trial just opened if another driver opened the same one, or the last one, a moment before."""
        twin = self.records.earlier(record)
        if twin is not None:
            why = f"trial {twin.number} of another driver is of the same candidate"
        elif trials is not None and self.records.count_before(record) >= trials:
            why = f"other drivers had started the last of {trials} trials"
        else:
            return False
        self._close(record.number, Failure("withdrawn", why))
        return True

    def _start(self, trials: int) -> bool:
        """Propose, choose, record and submit one candidate; False when the strategy has none left."""
        start = time.perf_counter()
        proposed = sum(self.records.count(state, rung=0) for state in STATES)
        own = f"/{self.records.drivers.me}" if self.records.drivers.company() else ""
        rng = numpy_stream(self.records.header.seed, f"propose/{proposed}{own}")
        compared = self._compared()
        self._tell_screening(compared)
        known = self._rungs.furthest if self.ladder else self.records.chronicle
        proposals = self.strategy(self.candidates, known, self.screen.width(compared, rng), rng)
        if not proposals:
            if not self._exhausted:
                self.on_event(Exhausted(self.records.count("finished", rung=0)))
            self._exhausted = True
            return False
        propose_seconds = time.perf_counter() - start
        proposal = self.screen.choose(compared, proposals)
        record = self.records.open(proposal, {"propose": propose_seconds})
        if self._withdraw(record, trials):
            return True
        if proposal.infeasible:
            self._close(record.number, Failure("infeasible", proposal.infeasible))
        else:
            self._send(record)
        return True

    def _compared(self) -> History:
        """Return the records from which the screen learns: of one rung, so of equal training."""
        if self.ladder is None or self.screen.settings is None:
            return self.records.chronicle
        return self._rungs.level(self.screen.settings.minimum)

    def _send(self, record: Record, resumed: bool = False) -> None:
        self.on_event(Started(record, resumed))
        candidate = from_json(record.candidate, f"trial {record.number}")
        stage = self.ladder.stage(record) if self.ladder else None
        self._submit(Job(record.number, candidate, stage, record.half_batch))

    def _submit(self, job: Job) -> None:
        self.executor.submit(job)
        self._in_flight += 1

    def _settle(self, job: Job, result: Outcome | Failure) -> None:
        """Record a result, or start the candidate again if its failure deserves that."""
        self._in_flight -= 1
        again = self._second_try(job, result) if isinstance(result, Failure) else None
        if again is None:
            self._close(job.identity, result)
        else:
            self._submit(again)

    def _second_try(self, job: Job, failure: Failure) -> Job | None:
        """Return the job to start once more: as it was after its worker's first death, in half batches after memory
        ran out. None for failures that would only come again.
        """
        half_batch = failure.error == "out_of_memory" and not job.half_batch
        self._deaths[job.identity] += failure.error == "worker_died"
        died = failure.error == "worker_died" and self._deaths[job.identity] < WORKER_DEATHS
        if not half_batch and not died:
            return None
        self.on_event(Retried(self.records.retry(job.identity, half_batch=half_batch), failure))
        return replace(job, half_batch=job.half_batch or half_batch)

    def _close(self, number: int, result: Outcome | Failure) -> None:
        self.on_event(Closed(self.records.close(number, result)))

    def _tell_screening(self, history: History) -> None:
        if self.screen.settings is not None:
            finished, minimum = len(parents(history)), self.screen.settings.minimum
            self.on_event(Screening(self.screen.active(history), finished, minimum))

    def _stop_if_all_fail(self) -> None:
        closed = (
            record.outcome
            for record in reversed(self.records.chronicle)
            if record.state != "running" and getattr(record.outcome, "error", "") != "withdrawn"
        )
        last = list(islice(closed, FAILURES_IN_A_ROW))
        if len(last) == FAILURES_IN_A_ROW and all(isinstance(result, Failure) for result in last):
            raise NasError(
                f"trials must finish now and then; the last {FAILURES_IN_A_ROW} failed, the latest with "
                f"{last[0]} (task {self.records.header.task}). Mend that and run the same command again."
            )
