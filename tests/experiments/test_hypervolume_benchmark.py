"""The hypervolume benchmark: its scales by hand, Optuna's loop on made-up outcomes, one training a candidate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from experiments.benchmarks.hypervolume import Trainer
from experiments.benchmarks.hypervolume_summary import CHOSEN, SCALES, shares_of, summarised
from experiments.benchmarks.nsga2 import POPULATION, nsga2
from nas.candidates import find_space
from nas.executors import Job
from nas.genomes import CandidateSpace, SparsityChoices
from nas.outcomes import Failure, Outcome
from search_spaces import Signature

SPACE = CandidateSpace(find_space("mlp"), SparsityChoices(), Signature((1, 8, 8), 10))


def outcome(accuracy: float, kept: int) -> Outcome:
    return Outcome(accuracy, (), epochs=1, seconds=0.0, kept=kept, total=10_000, multiply_adds=kept)


def row(arm: str, seed: int, accuracy: float, kept: int, repeated: bool = False) -> dict[str, Any]:
    costs = {"refused_before": 2, "training_cpu_seconds": 3.0, "search_cpu_seconds": 5.0}
    return {"arm": arm, "seed": seed, "val_accuracy": accuracy, "kept": kept, "repeated": repeated, **costs}


ROWS = [
    *(row("ours", seed, accuracy, kept) for seed in (0, 1) for accuracy, kept in ((0.55, 100), (1.0, 1_000))),
    *(row("theirs", seed, accuracy, 10_000, accuracy == 0.2) for seed in (1, 0) for accuracy in (0.1, 0.2)),
]
"""Two decades of weights; ours is halfway from chance with the fewest, then without error in the middle."""


def test_shares_of_the_square_by_hand() -> None:
    shares = shares_of(ROWS, CHOSEN)
    assert shares["ours"] == pytest.approx(np.array([[0.5, 0.75], [0.5, 0.75]]))
    assert shares["theirs"] == pytest.approx(np.zeros((2, 2)))  # at the dear edge nothing is dominated
    assert shares_of(ROWS, "accuracy, weights")["ours"][0, 1] == pytest.approx(0.5 + 0.5 * 9_000 / 9_900)


@pytest.mark.parametrize("scale", SCALES)
def test_chance_and_the_best_are_the_corners_of_the_square(scale: str) -> None:
    good, small = SCALES[scale]
    assert good(np.array([0.1, 1.0])) == pytest.approx([0.0, 1.0])
    assert small(np.array([800.0, 20.0]), 20.0, 800.0) == pytest.approx([0.0, 1.0])


def test_the_summary_compares_pairs_and_counts_repetitions() -> None:
    found = summarised(ROWS, {CHOSEN: shares_of(ROWS, CHOSEN)})
    difference = found[f"{CHOSEN}: ours minus theirs"]
    ends = [difference[name] for name in ("mean", "low", "high", "t_low", "t_high", "median")]
    assert ends == pytest.approx([0.75] * 6)  # both pairs differ by as much
    assert (difference["wins"], found["theirs"]["repeated trials"], found["ours"]["repeated trials"]) == (2, 1.0, 0.0)
    assert found["ours"] == found["ours"] | {"refused candidates": 4.0, "training CPU seconds": 6.0}
    assert found["ours"]["other CPU seconds"] == 5.0


def test_optunas_loop_counts_repetitions_and_not_what_was_refused() -> None:
    """Fewer weights and, of every third candidate, no outcome: told as failed, it is no parent and no trial."""
    calls: list[int] = []

    def runner(job: Job) -> Outcome | Failure:
        calls.append(job.identity)
        kept = round(10_000 * job.candidate.sparsity.density)
        return Failure("non_finite_loss", "nan") if len(calls) % 3 == 0 else outcome(kept / 10_000, kept)

    found = list(nsga2(SPACE, runner, trials=4 * POPULATION, seed=0))
    assert len(found) == 4 * POPULATION
    assert len(calls) - len(found) <= sum(refused for _, _, refused in found) == calls[-1] + 1 - len(found)
    digests = [digest for digest, _, _ in found]
    again = [digest for digest, _, _ in nsga2(SPACE, lambda job: outcome(0.5, 100), trials=4, seed=0)]
    assert again[:2] == digests[:2]  # before any selection a seed decides


def test_a_candidate_is_trained_once_for_all_searches() -> None:
    trained: list[int] = []

    def runner(job: Job) -> Outcome:
        trained.append(job.identity)
        return outcome(0.5, 100)

    trainer, rng = Trainer(), np.random.default_rng(0)
    first, second = (SPACE.decode(SPACE.random(rng)) for _ in range(2))
    results = [trainer.over(runner)(Job(number, candidate)) for number, candidate in enumerate((first, second, first))]
    assert trained == [0, 1] and results[0] == results[2]
    assert trainer.spent == pytest.approx(results[0].seconds + results[1].seconds)
