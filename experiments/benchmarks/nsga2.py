"""Optuna's own NSGA-II, driven as one would without this library: plain suggest calls, ask and tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nas.executors import Job
from nas.executors.executor import Runner
from nas.genomes import CandidateSpace
from nas.outcomes import Outcome
from nas.strategies.strategy import Genes
from search_spaces import Choice

if TYPE_CHECKING:
    from optuna import Trial

POPULATION = 12
"""As many parents as the strategy `evolution` has. Optuna's default, 50, would make a short search a random one."""


def nsga2(space: CandidateSpace, runner: Runner, trials: int, seed: int) -> Iterator[tuple[str, Outcome, int]]:
    """Yield the digest and outcome of each trial, and how many candidates were refused just before it.

    Refused is what has no outcome: networks beyond the bound on multiply-adds, too few weights for their layers, and
    losses that do not stay finite. They are told as failed and do not count as trials. Candidates proposed again do.

    Source: Deb et al. 2002, IEEE TEC 6(2); Optuna's NSGAIISampler.
    """
    import optuna

    sampler = optuna.samplers.NSGAIISampler(population_size=POPULATION, seed=seed)
    study = optuna.create_study(directions=("maximize", "minimize"), sampler=sampler)
    done = refused = 0
    while done < trials:
        trial = study.ask()
        genes = _suggested(trial, space.choices)
        outcome = runner(Job(trial.number, space.decode(genes))) if space.feasible(genes) else None
        if isinstance(outcome, Outcome):
            study.tell(trial, (outcome.val_accuracy, float(outcome.kept)))
            yield space.digest(genes), outcome, refused
            done, refused = done + 1, 0
        else:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            refused += 1


def _suggested(trial: Trial, choices: Sequence[Choice]) -> Genes:
    return tuple(
        trial.suggest_int(choice.name, 0, len(choice.values) - 1)
        if choice.ordered
        else trial.suggest_categorical(choice.name, range(len(choice.values)))
        for choice in choices
    )
