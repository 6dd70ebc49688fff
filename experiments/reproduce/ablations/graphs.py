"""Recurrent networks on random graphs: R^2 out of fold, from some of the graphs' columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from experiments.reproduce.ablations.cells import best_column
from experiments.reproduce.reber_structure import GRAPH_GROUPS, Networks, folds
from predictors.evaluation.uncertainty import Interval, paired_difference
from predictors.metrics import agreement
from predictors.models.boosting import BoostedTrees
from predictors.models.experts import Experts
from predictors.models.model import Floats

REPEATS = 3


def graph_rows(mode: str, networks: Networks) -> Iterator[dict[str, Any]]:
    """Yield one row for each choice of columns: mean R^2 of 10-fold cross-validations, and its change against all.

    The model is the mean of one expert a group, so that a choice of groups is a mean of some of them. Intervals of the
    change: bootstrap over networks of the first repetition. One column is chosen in each fold by its training networks.
    """
    alone = {group: _out_of_fold(networks, _expert(networks, group)) for group in GRAPH_GROUPS}
    found = {"all columns": _mean(alone, GRAPH_GROUPS)}
    for group in GRAPH_GROUPS:
        found[f"without {group}"] = _mean(alone, [other for other in GRAPH_GROUPS if other != group])
        found[f"only {group}"] = alone[group]
    found["one column"] = _out_of_fold(networks, _one_column)
    for choice, predictions in found.items():
        figure = float(np.mean([agreement(networks.accuracies, one)["r2"] for one in predictions]))
        change = _change(networks.accuracies, predictions[0], found["all columns"][0])
        row = {"table": f"reber, {mode}", "columns": choice, "figure": figure, "change": change.mean}
        yield row | {"low": change.low, "high": change.high}


def _mean(alone: Mapping[str, Floats], groups: Sequence[str]) -> Floats:
    return np.asarray(np.mean([alone[group] for group in groups], axis=0))


def _out_of_fold(networks: Networks, predict: Callable[[Floats, Floats, Floats], Floats]) -> Floats:
    """Return (repeats, networks) predictions by `predict`: rows, their targets, other rows -> what it expects there."""
    x, y = networks.own, networks.accuracies
    predictions = np.empty((REPEATS, len(y)))
    for repeat in range(REPEATS):
        fold = folds(len(y), repeat)
        for number in range(int(fold.max()) + 1):
            out = fold == number
            predictions[repeat, out] = predict(x[~out], y[~out], x[out])
    return predictions


def _expert(networks: Networks, group: str) -> Callable[[Floats, Floats, Floats], Floats]:
    columns = [number for number, name in enumerate(networks.own_names) if name.partition("/")[0] == group]
    return lambda x, y, others: Experts([columns]).fit(x, y).predict(others)


def _one_column(x: Floats, y: Floats, others: Floats) -> Floats:
    column = [best_column(x, y)]
    return BoostedTrees(60, depth=2, rows=0.8, leaf_rows=3).fit(x[:, column], y).predict(others[:, column])


def _change(y: Floats, first: Floats, second: Floats) -> Interval:
    def r2(measured: Floats, predicted: Floats) -> float:
        return agreement(measured, predicted)["r2"]

    return paired_difference(r2, y, first, second, range(len(y)), np.random.default_rng(0), 500)
