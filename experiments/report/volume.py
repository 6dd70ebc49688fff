"""How much of what can be had a search has: the dominated share of the box of its objectives, trial by trial."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.report.summary import RunSummary
from nas.hypervolume import hypervolumes
from nas.objectives import OBJECTIVES

MOST = 3
"""Objectives: of more a hypervolume takes long."""


def dominated(summary: RunSummary) -> npt.NDArray[np.float64]:
    """Return the share of the box that the first finished trial, the first two, and so on dominate, (finished,).

    The box spans what the run's trials came to, from the worst to the best value of each objective: accuracies and
    errors as they are, costs by their logarithm. It is the same for all trials of the run; another run has another box,
    so shares of two runs are not compared. Empty with one objective, with more than `MOST`, with fewer than two trials,
    or where an objective is the same for all.
    """
    names, trials = summary.objectives, summary.finished
    values = np.array([[trial.value(name) for name in names] for trial in trials], dtype=np.float64)
    if not 2 <= len(names) <= MOST or len(trials) < 2 or not np.isfinite(values).all():
        return np.empty(0)
    columns = [_maximised(column, name) for column, name in zip(values.T, names, strict=True)]
    if any(np.ptp(column) == 0.0 for column in columns):
        return np.empty(0)
    points = np.stack([(column - column.min()) / np.ptp(column) for column in columns], axis=1)
    return hypervolumes(points, np.zeros(len(names)))


def _maximised(values: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.float64]:
    objective = OBJECTIVES[name]
    if objective.kind == "accuracy":
        return values
    return -np.log10(np.maximum(values, objective.least)) if objective.kind == "cost" else -values
