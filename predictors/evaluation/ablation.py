"""Which columns a predictor needs: without a group, with one alone, with one column, with a group shuffled."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeAlias

import numpy as np

from predictors.evaluation.protocols import repeated_folds
from predictors.evaluation.uncertainty import Interval, paired_difference
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


def permutation_importance(model: Model, names: Sequence[str], x: Floats, y: Floats, seed: int) -> dict[str, float]:
    """Return for each group of columns the r2 lost on rows x, held out of the model's fit, when it is shuffled.

    The columns of a group are shuffled together; mean of five shuffles.

    Source: Breiman 2001, section 10; by groups, since columns of one group stand in for each other.
    """
    base = agreement(y, model.predict(x))["r2"]
    rng = np.random.default_rng(seed)
    found = {}
    for group, members in groups_of(names).items():
        losses = []
        for _ in range(5):
            shuffled = x.copy()
            shuffled[:, members] = x[rng.permutation(len(x))][:, members]
            losses.append(base - agreement(y, model.predict(shuffled))["r2"])
        found[group] = float(np.mean(losses))
    return found


def _one_column(names: Sequence[str]) -> Model:
    return BoostedTrees(rounds=60, depth=2, learning_rate=0.1, rows=0.8, leaf_rows=3)
