"""Cells of NAS-Bench-201: the order that 128 of them teach, from some of the columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from experiments.reproduce.nasbench201_methods import columns_of
from experiments.reproduce.nasbench201_table import CellTable
from predictors.evaluation import Split, learning_splits, over_draws
from predictors.models.block_matern import BlockMatern
from predictors.models.blocks import blocks_of, groups_of, raw_blocks
from predictors.models.boosting import BoostedTrees
from predictors.models.model import Floats
from predictors.targets import log_error

SIZE = 128
TESTED = 1000


def cell_rows(table: CellTable, draws: int) -> Iterator[dict[str, Any]]:
    """Yield one row for each choice of columns: Kendall's tau-b on 1,000 cells, mean and interval over draws.

    The model is the recipe's process. One column is the one whose rank correlation with the target is largest among
    the training cells, and shallow trees on it.
    """
    names, columns = columns_of(table)
    found: dict[str, list[float]] = {}
    for draw in range(draws):
        rng = np.random.default_rng([2028, draw])
        (split,) = learning_splits(len(table), [SIZE], TESTED, rng)
        for choice, tau in _taus(names, columns["recipe"], table.validation, split).items():
            found.setdefault(choice, []).append(tau)
    yield from judged("nasbench201", "all columns", found)


def judged(table: str, whole: str, found: Mapping[str, Sequence[float]]) -> Iterator[dict[str, Any]]:
    """Yield a row a choice: mean figure, and the mean change against `whole`, paired over draws, t interval at 95 %."""
    for choice, figures in found.items():
        change = over_draws(np.asarray(figures) - np.asarray(found[whole]))
        row = {"table": table, "columns": choice, "figure": float(np.mean(figures)), "change": change.mean}
        yield row | {"low": change.low, "high": change.high}


def _taus(names: Sequence[str], x: Floats, accuracy: Floats, split: Split) -> dict[str, float]:
    every = list(range(len(names)))
    choices = {"all columns": every}
    for group, members in groups_of(names).items():
        choices[f"without {group}"] = [column for column in every if column not in members]
        choices[f"only {group}"] = list(members)
    target = log_error(accuracy).forward(accuracy[split.train])
    truth = accuracy[split.test]
    found = {}
    for choice, chosen in choices.items():
        kept = [names[column] for column in chosen]
        model = BlockMatern(blocks_of(kept), raw_blocks(kept)).fit(x[split.train][:, chosen], target)
        found[choice] = _tau(model.predict(x[split.test][:, chosen]), truth)
    column = best_column(x[split.train], target)
    trees = BoostedTrees(60, depth=2, rows=0.8, leaf_rows=3).fit(x[split.train][:, [column]], target)
    found["one column"] = _tau(trees.predict(x[split.test][:, [column]]), truth)
    return found


def best_column(x: Floats, y: Floats) -> int:
    """Return the column of x (n, columns) whose rank correlation with y is largest in size."""
    strength = [abs(kendalltau(column, y).statistic) if np.ptp(column) > 0 else 0.0 for column in x.T]
    return int(np.argmax(strength))


def _tau(predicted: Floats, truth: Floats) -> float:
    return float(np.nan_to_num(kendalltau(predicted, truth).statistic))
