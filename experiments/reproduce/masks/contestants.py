"""The predictors that are compared on the published runs, each a fit on some rows and a prediction of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from experiments.reproduce.masks.protocol import FitPredict
from experiments.reproduce.masks.rows import Published
from predictors.models import MODELS, Model
from predictors.models.boosting import BoostedTrees
from predictors.models.model import Floats
from predictors.models.monotone import MonotoneDeviation

SIZES = ("erk/log_kept", "erk/log_multiply_adds")
ONE_COLUMN = "erk/over_log_mean_tenth"

RISING = ("edges", "motif", "spectral_gap", "spectral_radius")
FALLING = ("no_connected_components",)
SHARES_RISING = ("mean_connected_components",)
SHARES_FALLING = ("sink_nodes", "source_nodes", "disc_nodes", "r-out", "r-in", "cut-edges", "cut-nodes")
"""The table's columns by their signs: more ways are good, nodes that are cut off or hang by a thread are bad.

Of the others nothing is expected beforehand: the number of nodes is the same for all masks of a setting, and figures of
neighbourhoods and cores are divided by sizes. The first two are taken as logarithms, shares as they are.
"""

Contestant: TypeAlias = Callable[[Published], FitPredict]


def trees_on_topology(runs: Published) -> FitPredict:
    """Return XGBoost on the table's 18 columns, as the published baseline: 300 trees of depth 4, rate 0.05."""
    return fitted(_trees, runs.topology, runs.accuracies)


def monotone_on_topology(runs: Published) -> FitPredict:
    """Return the two-stage model on those of the same columns whose signs are known, less those of ERK's own rows.

    The sizes are those of our ERK mask of the network and density.
    """
    signed, keys = _signed(runs), runs.settings
    reference = np.empty_like(signed)
    for key in np.unique(keys):
        inside = keys == key
        reference[inside] = signed[inside & (runs.methods == "erk")].mean(axis=0)
    x = np.hstack([_columns(runs, SIZES), signed - reference])
    return fitted(lambda: MonotoneDeviation((0, 1), range(len(SIZES), x.shape[1])), x, runs.accuracies)


def size_only(runs: Published) -> FitPredict:
    """Return ridge regression on log kept weights and log multiply-adds."""
    return fitted(lambda: MODELS["size_only"](runs.own_names, 0, 1), runs.own, runs.accuracies)


def trees(runs: Published) -> FitPredict:
    """Return XGBoost, as the baseline, on all features of our own masks."""
    return fitted(_trees, runs.own, runs.accuracies)


def one_column(runs: Published) -> FitPredict:
    """Return the two-stage model with one column: the weighted mean log density over ERK's."""
    return monotone_on(runs, [ONE_COLUMN])


def monotone(runs: Published) -> FitPredict:
    """Return the two-stage model as the project has it, on the feature group `erk`."""
    return fitted(lambda: MODELS["monotone"](runs.own_names, 0, 1), runs.own, runs.accuracies)


def monotone_trees(runs: Published) -> FitPredict:
    """Return the two-stage model with trees that rise in every column beside its line."""
    return fitted(lambda: MODELS["monotone_trees"](runs.own_names, 0, 1), runs.own, runs.accuracies)


def monotone_on(runs: Published, columns: Sequence[str]) -> FitPredict:
    """Return the two-stage model on these deviations only."""
    x = _columns(runs, (*SIZES, *columns))
    return fitted(lambda: MonotoneDeviation((0, 1), range(len(SIZES), x.shape[1])), x, runs.accuracies)


def fitted(make: Callable[[], Model | MonotoneDeviation], x: Floats, y: Floats) -> FitPredict:
    """Return the fit and prediction of a model on rows of x."""

    def fit_predict(train: npt.NDArray[np.int64], test: npt.NDArray[np.int64]) -> Floats:
        predicted: Floats = make().fit(x[train], y[train]).predict(x[test])
        return np.clip(predicted, 0.0, 1.0)

    return fit_predict


def _signed(runs: Published) -> Floats:
    def columns(names: Sequence[str]) -> Floats:
        return runs.topology[:, [list(runs.topology_names).index(name) for name in names]]

    logs = [sign * np.log10(np.maximum(columns(names), 1e-9)) for sign, names in ((1, RISING), (-1, FALLING))]
    return np.hstack([*logs, columns(SHARES_RISING), -columns(SHARES_FALLING)])


def _columns(runs: Published, names: Sequence[str]) -> Floats:
    return runs.own[:, [runs.own_names.index(name) for name in names]]


def _trees() -> Model:
    return BoostedTrees(rounds=300, depth=4, learning_rate=0.05, bins=256)


CONTESTANTS: dict[str, Contestant] = {
    "XGBoost, the table's 18 columns": trees_on_topology,
    "two stages, 13 of the table's columns": monotone_on_topology,
    "size only": size_only,
    "XGBoost, own features": trees,
    "two stages, one column": one_column,
    "two stages with trees, own features": monotone_trees,
    "two stages, own features": monotone,
}
