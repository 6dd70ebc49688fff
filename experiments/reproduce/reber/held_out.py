"""Predictions of graphs that the model saw in no cell: one model of all cells, fitted fold by fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.reproduce.reber.graphs import Floats, Graphs, columns
from predictors.evaluation import leave_one_group_out, repeated_folds
from predictors.models import MODELS
from predictors.models.pooled import Pooled
from predictors.targets import SCALES, Scale

FOLDS, REPEATS, SEED = 10, 5, 0


@dataclass(frozen=True)
class Recipe:
    """How accuracy is predicted; what a model tunes, it tunes on the training rows.

    Attributes:
        columns: how the names of the columns used begin.
        model: a name of MODELS, of each mixture of the cells (or of each cell).
        pooled: all cells are learned together; otherwise each alone.
        scale: of the accuracies, a name of SCALES.
    """

    columns: tuple[str, ...]
    model: str = "gaussian_process"
    pooled: bool = True
    scale: str = "accuracy"

    def places(self, names: Sequence[str]) -> list[int]:
        """Return which of the named columns are used."""
        return [i for i, name in enumerate(names) if name.startswith(self.columns)]


@dataclass(frozen=True)
class Fitted:
    """Models of all cells, in the cells' order: one of all or one of each, and the scales they were fitted on."""

    models: Sequence[Pooled]
    scales: Sequence[Scale]

    def predict(self, x: Floats) -> Floats:
        """Return (m, cells) accuracies for rows (m, columns used)."""
        found = np.concatenate([model.predict(x) for model in self.models], axis=1)
        return np.stack([scale.backward(part) for scale, part in zip(self.scales, found.T, strict=True)], axis=1)

    def deviation(self, x: Floats) -> Floats:
        """Return how much of an error to expect on the scales, (m, cells)."""
        return np.concatenate([model.deviation(x) for model in self.models], axis=1)


@dataclass(frozen=True)
class HeldOut:
    """What was predicted out of fold for each cell.

    Attributes:
        predictions: cell -> (repeats, graphs).
        deviations: cell -> (repeats, graphs), what the models expected to miss.
        twins: cell -> (repeats, graphs), of each graph's twin by the model that held out the graph.
    """

    predictions: dict[str, Floats]
    deviations: dict[str, Floats]
    twins: dict[str, Floats]


def held_out(cells: Mapping[str, Graphs], recipe: Recipe, *, repeats: int | None = None, seed: int = SEED) -> HeldOut:
    """Return predictions of `repeats` (REPEATS) cross-validations; a graph is held out of all cells at once.

    All cells must have the same graphs in the same order. `seed` decides the folds.
    """
    first, repeats = next(iter(cells.values())), REPEATS if repeats is None else repeats
    places = recipe.places(first.names)
    x, twins = first.x[:, places], np.array([columns(True)[1][key] for key in first.keys])[:, places]
    found = np.empty((3, repeats, len(x), len(cells)))
    for split in repeated_folds(range(len(x)), FOLDS, repeats, np.random.default_rng(seed)):
        model, repeat = fitted(cells, recipe, split.train), int(split.name.partition("/")[0])
        found[0, repeat, split.test] = model.predict(x[split.test])
        found[1, repeat, split.test] = model.deviation(x[split.test])
        found[2, repeat, split.test] = model.predict(twins[split.test])
    return HeldOut(*({cell: part[..., i] for i, cell in enumerate(cells)} for part in found))


def unseen_generators(cells: Mapping[str, Graphs], recipe: Recipe) -> dict[str, Floats]:
    """Return cell -> (graphs,) predictions by a model that saw no graph of the same generator."""
    first = next(iter(cells.values()))
    found = np.empty((len(first.x), len(cells)))
    for split in leave_one_group_out(first.families):
        rows = first.x[split.test][:, recipe.places(first.names)]
        found[split.test] = fitted(cells, recipe, split.train).predict(rows)
    return {cell: found[:, i] for i, cell in enumerate(cells)}


def fitted(cells: Mapping[str, Graphs], recipe: Recipe, train: npt.NDArray[np.int64]) -> Fitted:
    """Return the recipe fitted to the training graphs' means over seeds; the noise is that of their seeds."""
    parts = [graphs.chosen(train.tolist()) for graphs in cells.values()]
    places = recipe.places(parts[0].names)
    names, x = [parts[0].names[place] for place in places], parts[0].x[:, places]
    scales = [SCALES[recipe.scale](part.means) for part in parts]
    y = np.stack([scale.forward(part.means) for scale, part in zip(scales, parts, strict=True)], axis=1)
    noise = np.sqrt([part.noise for part in parts])
    groups = [list(range(len(parts)))] if recipe.pooled else [[i] for i in range(len(parts))]
    models = [Pooled(lambda: MODELS[recipe.model](names, 0, 1)).fit(x, y[:, group], noise[group]) for group in groups]
    return Fitted(models, scales)
