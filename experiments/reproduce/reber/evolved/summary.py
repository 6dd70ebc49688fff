"""Means over seeds and paired differences: evolution less each other arm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from experiments.benchmarks.paired import paired_difference
from experiments.reproduce.reber.evolved.controls import CONTROLS
from experiments.reproduce.reber.evolved.design import CHANCE
from experiments.reproduce.reber.evolved.fresh import Judged
from experiments.reproduce.reber.evolved.measures import Front, fewest, gathered, reached, share

BOX = 20.0, 400.0
"""Kept weights from which to which a front is judged."""
BUDGETS = (40, 60, 80, 100, 150, 200)
LEVELS = (0.9, 0.95)

Fronts = Mapping[tuple[str, int], Front]
MEASURES: Mapping[str, Callable[[Front], float]] = {
    "share of the box": lambda members: share(members, *BOX),
    **{f"test accuracy within {budget} weights": partial(reached, budget=float(budget)) for budget in BUDGETS},
}


def fronts_of(judged: Sequence[Judged]) -> Fronts:
    """Return (arm, seed) -> its front; one without networks where nothing useful was found."""
    arms, seeds = dict.fromkeys(row.arm for row in judged), {row.seed for row in judged}
    rows: dict[tuple[str, int], list[Judged]] = {(arm, seed): [] for arm in arms for seed in seeds}
    for row in judged:
        rows[row.arm, row.seed].append(row)
    return {key: gathered(found) for key, found in rows.items()}


def summary(judged: Sequence[Judged], trained: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of all arms.

    Args:
        judged: the copies of the fronts' networks, of all arms and seeds.
        trained: every network of every search: arm, seed and validation accuracy.
    """
    fronts = fronts_of(judged)
    arms, seeds = list(dict.fromkeys(row.arm for row in judged)), sorted({row.seed for row in judged})
    found: dict[str, Any] = {}
    for name, measure in MEASURES.items():
        found |= _compared(name, {arm: [measure(fronts[arm, seed]) for seed in seeds] for arm in arms})
    same = {arm: [_accuracy(fronts[arm, seed]) for seed in seeds] for arm in ("evolution", *CONTROLS)}
    found |= _compared("test accuracy at equal weights", same)
    searches = dict.fromkeys(str(row["arm"]) for row in trained)
    means = {arm: [_validation(trained, arm, seed) for seed in seeds] for arm in searches}
    found |= _compared("validation accuracy of all networks of a search", means)
    return found | {
        f"fewest weights to test accuracy {level}: {arm}": [fewest(fronts[arm, seed], level) for seed in seeds]
        for level in LEVELS
        for arm in arms
    }


def _compared(name: str, values: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Return each arm's mean over seeds, and evolution's values less the others', paired by seed."""
    means = {f"{name}: {arm}": float(np.mean(found)) for arm, found in values.items()}
    return means | {
        f"{name}: evolution less {arm}": asdict(paired_difference(values["evolution"], found))
        for arm, found in values.items()
        if arm != "evolution"
    }


def _accuracy(members: Front) -> float:
    """Return the mean test accuracy over a front; those compared have networks of the same weights, one by one."""
    return float(members.test.mean()) if members.kept.size else CHANCE


def _validation(trained: Sequence[Mapping[str, Any]], arm: str, seed: int) -> float:
    return float(np.mean([row["val_accuracy"] for row in trained if (row["arm"], row["seed"]) == (arm, seed)]))
