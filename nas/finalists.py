"""A second look at the best trials: trained again for longer, because short trainings rank networks only roughly.

Networks that learn fast in two epochs (small images, few weights) are not those that end highest. Training the best
few for a quarter of the final epochs before one is retrained costs little and asks a better question.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from nas.candidates import from_json
from nas.executors import Executor, Job
from nas.outcomes import Failure, Outcome
from nas.records import Record
from nas.rungs import furthest
from nas.search import WORKER_DEATHS

Result = Outcome | Failure


def shortlist(history: Sequence[Record], count: int) -> list[Record]:
    """Return the `count` finished records of highest validation accuracy, best first, one of each candidate.

    Those promoted furthest come first. Of equally accurate ones the sparser comes first, then the older.
    """
    finished = [(record.outcome, record) for record in furthest(history) if isinstance(record.outcome, Outcome)]
    finished.sort(key=lambda pair: (-pair[1].rung, -pair[0].val_accuracy, pair[0].kept, pair[1].number))
    return [record for _, record in finished[:count]]


def train_finalists(executor: Executor, finalists: Sequence[Record], on_result: Callable[[int, Result], None]) -> None:
    """Train each finalist on the executor and tell its number and result as it ends.

    A finalist whose worker dies is trained once more; a second death is its result.
    """
    waiting = deque(
        Job(record.number, from_json(record.candidate, f"trial {record.number}"), half_batch=record.half_batch)
        for record in finalists
    )
    deaths: Counter[int] = Counter()
    running = 0
    while waiting or running:
        while waiting and running < executor.slots:
            executor.submit(waiting.popleft())
            running += 1
        for job, result in executor.wait():
            running -= 1
            deaths[job.identity] += isinstance(result, Failure) and result.error == "worker_died"
            if 0 < deaths[job.identity] < WORKER_DEATHS and isinstance(result, Failure):
                waiting.append(job)
            else:
                on_result(job.identity, result)


def winner(history: Sequence[Record], results: Mapping[int, Result]) -> Record | None:
    """Return the record to retrain: the finalist most accurate on validation images, else the best trial.

    Args:
        history: the study's records.
        results: trial number -> the finalist's result; failed finalists are out, none at all means no second look.

    Returns:
        None if no trial has finished.
    """
    ranked = shortlist(history, len(history))
    accuracies = {number: r.val_accuracy for number, r in results.items() if isinstance(r, Outcome)}
    seen = [record for record in ranked if record.number in accuracies]
    return max(seen, key=lambda record: accuracies[record.number], default=ranked[0] if ranked else None)
