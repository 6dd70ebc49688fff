"""What was tried before the recipe was chosen, on other folds than those its figures come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.reproduce.reber.graphs import Graphs
from experiments.reproduce.reber.held_out import Recipe, held_out
from experiments.reproduce.reber.noise import ceiling_of, r2_of

SEED, REPEATS = 1, 2
_LOGS, _DRIVE, _FIGURES = ("log/",), ("log/", "drive/"), ("size/", "graph/")
ATTEMPTS: Mapping[str, Recipe] = {
    "27 figures, mixture, each cell alone": Recipe(_FIGURES, "mixture", pooled=False),
    "27 figures, process, each cell alone": Recipe(_FIGURES, pooled=False),
    "log sizes, mixture, each cell alone": Recipe(_LOGS, "mixture", pooled=False),
    "log sizes, process, each cell alone": Recipe(_LOGS, pooled=False),
    "log sizes, process, pooled": Recipe(_LOGS),
    "log sizes and least drive, process, pooled": Recipe((*_LOGS, "drive/least")),
    "log sizes and rank, process, pooled": Recipe((*_LOGS, "drive/rank")),
    "log sizes and drive, process, pooled": Recipe(_DRIVE),
    "the same, each cell alone": Recipe(_DRIVE, pooled=False),
    "the same, alone, logit": Recipe(_DRIVE, pooled=False, scale="logit"),
    "the same, alone, log error": Recipe(_DRIVE, pooled=False, scale="log_error"),
    "the same, alone, normal scores": Recipe(_DRIVE, pooled=False, scale="normal_scores"),
    "log sizes and drive, a length scale for each, pooled": Recipe(_DRIVE, "block_gaussian_process"),
    "log sizes and drive, Bayesian ridge, pooled": Recipe(_DRIVE, "bayesian_ridge"),
    "log sizes and drive, boosted trees, pooled": Recipe(_DRIVE, "xgboost"),
    "log sizes and drive, mixture, pooled": Recipe(_DRIVE, "mixture"),
    "log sizes, drive and 24 figures, process, pooled": Recipe((*_DRIVE, "graph/")),
}
"""Name -> recipe. "Process" is a Gaussian one; the mixture adds trees."""


def attempts(cells: Mapping[str, Graphs]) -> list[dict[str, Any]]:
    """Return for each recipe {"recipe", and for each cell its R^2 and "<cell>_gap", what it is below the ceiling}."""
    rows = []
    for name, recipe in ATTEMPTS.items():
        predictions = held_out(cells, recipe, repeats=REPEATS, seed=SEED).predictions
        row: dict[str, Any] = {"recipe": name}
        for cell, graphs in cells.items():
            row[cell] = r2_of(graphs.means, predictions[cell])
            row[f"{cell}_gap"] = ceiling_of(graphs.accuracies) - row[cell]
        rows.append(row)
    return rows
