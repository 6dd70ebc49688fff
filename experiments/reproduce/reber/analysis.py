"""What structure predicts: out-of-fold figures on means over seeds, their ceiling, and what is left beyond size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.reproduce.reber.alike import alike
from experiments.reproduce.reber.graphs import Floats, Graphs, collected, in_all
from experiments.reproduce.reber.held_out import FOLDS, SEED, HeldOut, Recipe, held_out, unseen_generators
from experiments.reproduce.reber.networks import CELLS
from experiments.reproduce.reber.noise import ceiling, gap, r2_of
from experiments.reproduce.reber.run import Row
from predictors.evaluation import Interval, beyond, judged, over_rows
from predictors.metrics import agreement

Rows = npt.NDArray[np.int64]

RECIPES: Mapping[str, Recipe] = {
    "all": Recipe(("log/", "drive/")),
    "sizes": Recipe(("log/",)),
    "counts": Recipe(("log/nodes", "log/edges")),
    "graph": Recipe(("graph/",)),
}
"""One model on four sets of columns; chosen on other folds than those of the figures (see `attempts`)."""


def complete(rows: Sequence[Row]) -> dict[str, Graphs]:
    """Return the cells that have two complete seeds, with the graphs that diverged in none of them."""
    found = {cell: graphs for cell in CELLS if (graphs := collected(rows, cell, twins=False)) is not None}
    return in_all(found) if found else {}


def analysed(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the figures of each cell that has two complete seeds, all of them predicted by one model of these cells.

    Keys: cell, graphs, seeds; mean, sd, seed_sd of accuracy; ceiling; a name of RECIPES -> figures out of fold; gap:
    ceiling - R^2 of "all"; beyond_size and beyond_counts: partial R^2 of "all" given "sizes" and "counts" (nodes and
    edges, without the inputs, which are the graph's sources); alike; leave_one_generator_out; twins.
    """
    cells = complete(rows)
    if not cells:
        return []
    by_set = {name: held_out(cells, recipe) for name, recipe in RECIPES.items()}
    unseen = unseen_generators(cells, RECIPES["all"])
    return [
        {
            "cell": cell,
            **_described(graphs),
            **_predicted(graphs, {name: part.predictions[cell] for name, part in by_set.items()}),
            **{name: _judged(graphs, part, cell) for name, part in by_set.items()},
            "leave_one_generator_out": _by_generator(graphs, unseen[cell]),
            "twins": _twins(collected(rows, cell, twins=True), graphs, by_set["all"], by_set["sizes"], cell),
            "predictions": by_set["all"].predictions[cell].mean(0).tolist(),
            "accuracies": graphs.means.tolist(),
            "families": graphs.families,
        }
        for cell, graphs in cells.items()
    ]


def _described(graphs: Graphs) -> dict[str, Any]:
    means = graphs.means
    same = alike(graphs)
    return {
        "graphs": len(means),
        "seeds": graphs.accuracies.shape[1],
        "mean": float(means.mean()),
        "sd": float(means.std(ddof=1)),
        "seed_sd": float(np.sqrt(graphs.accuracies.var(axis=1, ddof=1).mean())),
        "ceiling": asdict(ceiling(graphs.accuracies)),
        "alike": None if same is None else asdict(same),
    }


def _predicted(graphs: Graphs, predictions: Mapping[str, Floats]) -> dict[str, Any]:
    full, y = predictions["all"], graphs.means
    return {
        "gap": asdict(gap(graphs.accuracies, full)),
        "beyond_size": asdict(_beyond(y, full, predictions["sizes"])),
        "beyond_counts": asdict(_beyond(y, full, predictions["counts"])),
    }


def _judged(graphs: Graphs, part: HeldOut, cell: str) -> dict[str, Any]:
    found = judged(
        graphs.means, part.predictions[cell], part.deviations[cell], range(len(graphs.means)), folds=FOLDS, seed=SEED
    )
    return {name: asdict(figure) for name, figure in found.figures.items()}


def _beyond(y: Floats, full: Floats, sizes: Floats) -> Interval:
    """Return the partial R^2, mean over repeats, with its bootstrap interval over graphs."""

    def figure(rows: Rows) -> float:
        return float(np.mean([beyond(y[rows], a[rows], b[rows]) for a, b in zip(full, sizes, strict=True)]))

    return over_rows(figure, range(len(y)), _rng())


def _by_generator(graphs: Graphs, predicted: Floats) -> dict[str, dict[str, float]]:
    families = np.array(graphs.families)
    return {
        name: agreement(graphs.means[families == name], predicted[families == name])
        for name in dict.fromkeys(graphs.families)
    }


def _twins(other: Graphs | None, graphs: Graphs, full: HeldOut, sizes: HeldOut, cell: str) -> dict[str, Any] | None:
    """Return how graphs differ from twins of the same sizes and degrees, for each generator; None until trained.

    difference: mean accuracy of graph - twin with its bootstrap interval over graphs. spread: deviation of that
    difference beyond what seeds explain, in accuracy: what the arrangement of edges is worth. r2, ceiling, gap,
    beyond_size and alike: as for graphs, of the twins, predicted by models that saw neither them nor their graphs;
    no column was chosen by them.
    """
    if other is None:
        return None
    place = {key: i for i, key in enumerate(other.keys)}
    pairs = [(i, place[key]) for i, key in enumerate(graphs.keys) if key in place]
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    own, twins = graphs.chosen(first.tolist()), other.chosen(second.tolist())
    predicted, by_size = full.twins[cell][:, first], sizes.twins[cell][:, first]
    gaps, families = own.means - twins.means, np.array(own.families)
    of_family = {
        name: asdict(over_rows(partial(_mean, gaps[families == name]), range(int((families == name).sum())), _rng()))
        for name in sorted(set(own.families))
    }
    same = alike(twins)
    return {
        "seeds": twins.accuracies.shape[1],
        "difference": of_family,
        "spread": float(np.sqrt(max(0.0, float(gaps.var(ddof=1)) - own.noise - twins.noise))),
        "correlation": float(np.corrcoef(own.means, twins.means)[0, 1]),
        "r2": r2_of(twins.means, predicted),
        "ceiling": asdict(ceiling(twins.accuracies)),
        "gap": asdict(gap(twins.accuracies, predicted)),
        "beyond_size": asdict(_beyond(twins.means, predicted, by_size)),
        "alike": None if same is None else asdict(same),
    }


def _mean(values: Floats, chosen: Rows) -> float:
    return float(values[chosen].mean())


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)
