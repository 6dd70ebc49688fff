"""Which columns a predictor needs: without a group, with one alone, with one column, with a group shuffled."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeAlias

import numpy as np

from predictors.evaluation.protocols import Rows, repeated_folds
from predictors.evaluation.uncertainty import Interval, over_rows, paired_difference
from predictors.metrics import agreement
from predictors.models.blocks import groups_of
from predictors.models.boosting import BoostedTrees
from predictors.models.model import Floats, Model

Make: TypeAlias = Callable[[Sequence[str]], Model]
"""Column names -> unfitted model."""


def out_of_fold(
    make: Make,
    names: Sequence[str],
    x: Floats,
    y: Floats,
    keys: Sequence[Hashable],
    rng: np.random.Generator,
    folds: int = 10,
    repeats: int = 1,
) -> Floats:
    """Return (repeats, n) predictions, each by a model that saw no row of its key."""
    return with_deviations(make, names, x, y, keys, rng, folds, repeats)[0]


def with_deviations(
    make: Make,
    names: Sequence[str],
    x: Floats,
    y: Floats,
    keys: Sequence[Hashable],
    rng: np.random.Generator,
    folds: int = 10,
    repeats: int = 1,
) -> tuple[Floats, Floats]:
    """Return the predictions of `out_of_fold`, and the deviations that those models expect there."""
    found = np.empty((2, repeats, len(y)))
    for split in repeated_folds(keys, folds, repeats, rng):
        repeat, model = int(split.name.partition("/")[0]), make(names).fit(x[split.train], y[split.train])
        found[:, repeat, split.test] = model.predict(x[split.test]), model.deviation(x[split.test])
    return found[0], found[1]


def group_ablation(
    make: Make,
    names: Sequence[str],
    x: Floats,
    y: Floats,
    keys: Sequence[Hashable],
    seed: int,
    metric: str = "r2",
    folds: int = 10,
) -> dict[str, dict[str, Interval]]:
    """Return for each group of columns what is lost without it, and what all others add to it alone.

    "without": metric of all columns minus metric without the group; "alone": metric of all columns minus that of the
    group alone. Folds are the same for all, differences are paired, intervals are 95 % bootstrap over keys.
    """
    full = out_of_fold(make, names, x, y, keys, np.random.default_rng(seed), folds)[0]
    found: dict[str, dict[str, Interval]] = {}
    for group, members in groups_of(names).items():
        others = [column for column in range(len(names)) if column not in members]
        found[group] = {}
        for kind, chosen in (("without", others), ("alone", list(members))):
            if chosen:
                kept = [names[column] for column in chosen]
                rng = np.random.default_rng(seed)
                part = out_of_fold(make, kept, x[:, chosen], y, keys, rng, folds)[0]
                found[group][kind] = paired_difference(
                    lambda a, b: agreement(a, b)[metric], y, full, part, keys, np.random.default_rng(seed), 500
                )
    return found


def single_columns(
    names: Sequence[str], x: Floats, y: Floats, keys: Sequence[Hashable], seed: int, most: int = 5, folds: int = 10
) -> dict[str, dict[str, float]]:
    """Return the out-of-fold figures of shallow trees on one column, for the `most` columns that do best by r2.

    Only the columns that follow the target best within the data are tried (twice as many as asked for), so the choice
    is a little too kind to the single column: a sceptic's baseline should be.
    """
    varied = [column for column in range(len(names)) if np.ptp(x[:, column]) > 0]
    strength = {c: abs(agreement(y, x[:, c])["spearman"]) for c in varied}
    tried = sorted(varied, key=lambda c: -strength[c])[: 2 * most]
    found = {}
    for column in tried:
        rng = np.random.default_rng(seed)
        predicted = out_of_fold(_one_column, [names[column]], x[:, [column]], y, keys, rng, folds)[0]
        found[names[column]] = agreement(y, predicted)
    return dict(sorted(found.items(), key=lambda item: -item[1]["r2"])[:most])


def permutation_importance(
    make: Make,
    names: Sequence[str],
    x: Floats,
    y: Floats,
    keys: Sequence[Hashable],
    seed: int,
    folds: int = 10,
    shuffles: int = 5,
) -> dict[str, Interval]:
    """Return for each group of columns the R^2 that is lost when it is shuffled, the largest loss first.

    Models are fitted without a fold and asked about its rows twice: as they are, and with the group's columns, all
    together, taken from other rows of the fold. Mean of the shuffles; intervals are 95 % bootstrap over keys.

    Source: Breiman 2001, section 10; by groups, since columns of one group stand in for each other.
    """
    groups = groups_of(names)
    rng, shuffler = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    plain = np.empty(len(y))
    without = {group: np.empty((shuffles, len(y))) for group in groups}
    for split in repeated_folds(keys, folds, 1, rng):
        model, tested = make(names).fit(x[split.train], y[split.train]), x[split.test]
        plain[split.test] = model.predict(tested)
        for group, members in groups.items():
            for predictions in without[group]:
                changed = tested.copy()
                changed[:, members] = tested[shuffler.permutation(len(tested))][:, members]
                predictions[split.test] = model.predict(changed)
    worse = {group: ((y - shuffled) ** 2).mean(axis=0) - (y - plain) ** 2 for group, shuffled in without.items()}
    found = {group: _lost(y, rises, keys, seed) for group, rises in worse.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1].mean))


def _lost(y: Floats, rises: Floats, keys: Sequence[Hashable], seed: int) -> Interval:
    """The R^2 lost when the squared error of each row rises by so much."""

    def lost(rows: Rows) -> float:
        scatter = float(((y[rows] - y[rows].mean()) ** 2).sum())
        return float(rises[rows].sum()) / scatter if scatter > 0 else 0.0

    return over_rows(lost, keys, np.random.default_rng(seed), 500)


def _one_column(names: Sequence[str]) -> Model:
    return BoostedTrees(rounds=60, depth=2, learning_rate=0.1, rows=0.8, leaf_rows=3)
