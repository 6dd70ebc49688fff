"""The predictors that are compared on NAS-Bench-201: which columns, which model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from experiments.reproduce.nasbench201_table import CellTable
from predictors.cells import RECIPE, cell_matrix
from predictors.evaluation import Split
from predictors.models.blocks import blocks_of, raw_blocks
from predictors.models.boosting import BoostedTrees
from predictors.models.ensemble import Ensemble
from predictors.models.extra_trees import ExtraTrees
from predictors.models.model import Floats
from predictors.targets import log_error
from search_spaces.cell_graph import edges

Columns = Mapping[str, Floats]
"""Feature set -> (cells, columns)."""

WEIGHTS = (2.0, 1.0, 1.0)
"""Of process, boosted and randomised trees, in the mean and in the rank mix."""

_SEEDS = 3


def columns_of(table: CellTable) -> tuple[list[str], dict[str, Floats]]:
    """Return the recipe's column names, and all feature sets of all cells: about ten seconds."""
    cells = [edges(genes) for genes in table.genes]
    names, recipe = cell_matrix(cells, RECIPE)
    return names, {
        "recipe": recipe,
        "params": recipe[:, names.index("structure/log_params")],
        "operations": cell_matrix(cells, ("operations",))[1],
        "graf": cell_matrix(cells, ("graf",))[1],
        "proxies": np.sign(table.proxies) * np.log1p(np.abs(table.proxies)),
    }


def predictions(
    names: Sequence[str], columns: Columns, accuracy: Floats, split: Split, with_proxies: bool
) -> dict[str, Floats]:
    """Return what each method expects of the split's test cells, on a scale of its own: only the order is judged.

    All but "size only", which is the number of weights, learn log error from the split's training cells.
    """
    target = log_error(accuracy).forward(accuracy[split.train])

    def trees(*sets: str) -> Floats:
        x = np.hstack([columns[name] for name in sets])
        fitted = [boosted(seed).fit(x[split.train], target) for seed in range(_SEEDS)]
        return np.asarray(np.mean([model.predict(x[split.test]) for model in fitted], axis=0))

    x = columns["recipe"]
    mixture = Ensemble(WEIGHTS, blocks_of(names), raw_blocks(names)).fit(x[split.train], target)
    parts = mixture.parts(x[split.test])
    found = {
        "size only": columns["params"][split.test],
        "XGBoost on operations": trees("operations"),
        "XGBoost on GRAF": trees("graf"),
        "process": parts[0],
        "XGBoost": parts[1],
        "extra trees": parts[2],
        "mixture": np.average(parts, axis=0, weights=WEIGHTS),
        "rank mix": rank_mix(parts, WEIGHTS),
    }
    if with_proxies:
        both = np.hstack([x, columns["proxies"]])
        randomised = ExtraTrees().fit(both[split.train], target).predict(both[split.test])
        found["XGBoost on proxies"] = trees("proxies")
        found["XGBoost on GRAF and proxies"] = trees("graf", "proxies")
        found["rank mix, proxies in trees"] = rank_mix(
            np.stack([parts[0], trees("recipe", "proxies"), randomised]), WEIGHTS
        )
    return found


def rank_mix(parts: Floats, weights: Sequence[float]) -> Floats:
    """Return the weighted mean over parts (parts, m) of the normal scores of their ranks within the pool."""
    scores = [ndtri((rankdata(part) - 0.5) / len(part)) for part in parts]
    return np.asarray(np.average(scores, axis=0, weights=weights))


def boosted(seed: int) -> BoostedTrees:
    """Return the recipe's boosted trees, unfitted."""
    return BoostedTrees(300, 1, 5, 0.05, rows=0.8, columns=0.25, seed=seed)
