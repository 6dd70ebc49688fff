"""Trials that sleep instead of training, for measurements of everything else; workers import this, so it is light."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from nas.outcomes import Outcome

if TYPE_CHECKING:
    from nas.candidates import Candidate
    from nas.executors import Job, Runner


def make_runner(longest_seconds: float, payload: None) -> Runner:
    """Return a runner whose trials last up to `longest_seconds` and come to what `outcome_of` says."""

    def run(job: Job) -> Outcome:
        time.sleep(random.Random(job.candidate.seed).uniform(0.0, longest_seconds))
        return outcome_of(job.candidate)

    return run


def outcome_of(candidate: Candidate) -> Outcome:
    """Return what a candidate's trial always comes to: its accuracy is a draw from its seed."""
    density = candidate.sparsity.density
    accuracy = 0.5 + 0.4 * density + 0.1 * random.Random(candidate.seed).random()
    return Outcome(accuracy, (), 1, 0.0, kept=max(1, round(1e5 * density)), total=100_000, multiply_adds=1)
