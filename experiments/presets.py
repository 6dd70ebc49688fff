"""What suits each task, as the lowest layer of a search's config: anything given overrides it.

`max_multiply_adds` bounds the *dense* network, whose training it is that costs time on a CPU; a GPU has no bound
unless one is given. How long and how to train comes from nas/training/recipes.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas.training import RECIPES

TRIALS = 40

TABULAR: Mapping[str, Any] = {
    "trials": 100,
    "space": "cell",
    "objectives": ["val_accuracy"],
    "min_density": 1.0,
    "final_epochs": 0,
    "device": "cpu",
}
"""A table knows dense networks of one space, and has nothing to retrain."""

PRESETS: Mapping[str, Mapping[str, Any]] = {
    task: {
        "trials": TRIALS,
        "epochs": recipes.search.epochs,
        "final_epochs": recipes.final.epochs,
        **(TABULAR if task == "nasbench201" else {}),
    }
    for task, recipes in RECIPES.items()
}

CPU_MULTIPLY_ADDS: Mapping[str, int] = {"digits": 2_000_000, "mnist": 6_000_000, "cifar10": 16_000_000}
"""What "auto" means for `max_multiply_adds` where a CPU trains."""
