"""How a network trains to a given sparsity, compared: every training of `pruning.dynamic` at equal steps and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import nn

from experiments.benchmarks.table import Table
from experiments.reproduce.comparison import compared
from experiments.reproduce.resumed import Rows, resumed
from nas.seeds import stream
from nas.tasks import Task, load_task
from nas.training import evaluate, recipe_for, train_masks
from pruning import Evidence, Sparsity, prune
from pruning.dynamic import STATIC, TRAININGS
from pruning.initialization import INITIALIZATIONS

DENSITIES = (0.1, 0.02)
WIDTH = 128


def trainings(folder: Path, say: Callable[[str], None], seeds: Sequence[int] = range(5)) -> Table:
    """Return test accuracies on digits of one network trained in every way to one random ERK mask's layer counts.

    64-128-128-10 with batch normalisation, as many steps as a trial of a search has; paired by seed, which decides
    weights, mask and order of images. NTT's own steps come before those. CPU seconds are of one thread.
    """
    torch.set_num_threads(1)
    task = load_task("digits")
    parts = [f"seed {seed}" for seed in seeds]

    def measure(part: str) -> Rows:
        return list(rows_of(int(part.removeprefix("seed ")), task))

    rows = list(resumed(folder / "trainings.jsonl", parts, measure, say))
    epochs = recipe_for("digits").epochs
    return Table(
        "trainings", f"digits, 64-{WIDTH}-{WIDTH}-10, {epochs} epochs, {len(seeds)} seeds", rows, summarised(rows)
    )


def summarised(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return means and the differences of each training from the static one, by density."""
    contrasts = [(name, STATIC) for name in TRAININGS if name != STATIC]
    return compared(rows, ("density",), "training", contrasts)


def rows_of(seed: int, task: Task, densities: Sequence[float] = DENSITIES) -> Iterator[dict[str, Any]]:
    """Yield a row for each density and training of one seed."""
    for density, training in product(densities, TRAININGS):
        module = network(seed)
        evidence = Evidence(task.signature.input_shape, stream(seed, "mask"))
        masks = prune(module, Sparsity("random", density, allocation="erk"), evidence)
        trained = train_masks(module, masks, task, recipe_for(task.name), seed=seed, training=training)
        yield {
            "density": density,
            "training": training,
            "seed": seed,
            "kept": trained.masks.kept,
            "training_density": trained.outcome.training_density or masks.density,
            "seconds": trained.outcome.seconds,
            "accuracy": evaluate(module, task.test, task),
        }


def network(seed: int) -> nn.Module:
    """Return the dense network of a seed, in He's initialisation."""
    layers = [nn.Flatten(), *_hidden(64), *_hidden(WIDTH), nn.Linear(WIDTH, 10)]
    module = nn.Sequential(*layers)
    INITIALIZATIONS["he"](module, stream(seed, "init"))
    return module


def _hidden(inputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, WIDTH, bias=False), nn.BatchNorm1d(WIDTH), nn.ReLU()]
