"""Replays that share trials: the proposals of the plain replay, one trial for each record, and nothing changed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import optuna
import pytest

from nas.strategies import STRATEGIES, frozen, replay
from tests.nas.box import Genes, Seen
from tests.nas.test_strategies import Toy, history

SPACE = Toy()
COUNTS = {"tpe": (1, 9), "nsga3": (1, 9), "cma_es": (1, 9), "gp": (1, 3)}


def plain_trial(
    params: dict[str, object],
    distributions: dict[str, optuna.distributions.BaseDistribution],
    values: tuple[float, ...] | None,
    attributes: dict[str, object],
) -> optuna.trial.FrozenTrial:
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING if values is None else optuna.trial.TrialState.COMPLETE,
        values=values,
        params=params,
        distributions=distributions,
        system_attrs=attributes,
    )


def calls(name: str, objectives: int) -> list[list[Genes]]:
    """Return what is proposed as a history grows, running records finish, and one record gets another value."""
    past = history(SPACE, 48, objectives)
    finished = [
        Seen(r.genes, r.digest, "finished", r.values or (0.5, *[9.0] * (objectives - 1))) if r.state == "running" else r
        for r in past
    ]
    changed = [*finished[:7], Seen(past[7].genes, past[7].digest, "finished", (0.9,) * objectives), *finished[8:]]
    return [
        STRATEGIES[name](SPACE, seen, count, np.random.default_rng(seed))
        for seed, seen in enumerate((past[:25], past[:26], past, finished, changed, past[:25]))
        for count in COUNTS[name]
    ]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Make every call build all its trials anew, of Optuna's own classes: the study copies them, deep."""
    with monkeypatch.context() as patch:
        patch.setattr(frozen, "trial", plain_trial)
        patch.setattr(frozen, "Categories", optuna.distributions.CategoricalDistribution)
        patch.setattr(frozen, "Integers", optuna.distributions.IntDistribution)
        patch.setattr(frozen, "Numbers", optuna.distributions.FloatDistribution)
        patch.setattr(replay, "_trial", replay._trial.__wrapped__)
        patch.setattr(replay, "_coding", replay._coding.__wrapped__)
        yield patch


@pytest.mark.parametrize("objectives", [1, 2])
@pytest.mark.parametrize("name", sorted(COUNTS))
def test_proposals_are_those_of_the_plain_replay(name: str, objectives: int, plain: pytest.MonkeyPatch) -> None:
    expected = calls(name, objectives)
    plain.undo()
    assert calls(name, objectives) == expected
    assert any(genes != expected[0][0] for call in expected[2:] for genes in call)


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_a_record_becomes_a_trial_once(name: str) -> None:
    past = history(SPACE, 30, 1, state="finished", seed=5)
    replay._trial.cache_clear()
    for size in (28, 29, 30):
        STRATEGIES[name](SPACE, past[:size], 2, np.random.default_rng(0))
    assert replay._trial.cache_info().misses == 30


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_no_call_changes_a_shared_trial(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[optuna.trial.FrozenTrial] = []

    original = frozen.trial

    def kept(*arguments: Any) -> optuna.trial.FrozenTrial:
        made.append(original(*arguments))
        return made[-1]

    replay._trial.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(frozen, "trial", kept)
        STRATEGIES[name](SPACE, history(SPACE, 30, 1), 1, np.random.default_rng(0))
    before = [copy.deepcopy(vars(trial)) for trial in made]
    STRATEGIES[name](SPACE, history(SPACE, 30, 1), 3, np.random.default_rng(1))
    assert made and [vars(trial) for trial in made] == before
    replay._trial.cache_clear()


def test_a_trial_out_of_range_is_refused_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="isn't contained"):
        frozen.trial({"a": 7}, {"a": frozen.Integers(0, 3)}, (0.5,), {})


def test_shared_distributions_equal_optunas_own_comparison() -> None:
    same, other = frozen.Categories((0, 1, 2)), frozen.Categories((0, 1))
    assert same == frozen.Categories((0, 1, 2)) and same != other
    assert copy.deepcopy(same) is same
    assert frozen.Integers(0, 3) != frozen.Integers(0, 4)
    assert frozen.Numbers(0.0, 1.0) == frozen.Numbers(0.0, 1.0)
    assert same != "a word"
