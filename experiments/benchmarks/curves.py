"""What the first epochs add to structure: final accuracy predicted from either, from both, and from the rank so far."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.table import Table
from nas.candidates import find_space
from nas.curves import curve_features
from nas.executors import Resources, Work, local
from nas.genomes import CandidateSpace, SparsityChoices, density_grid
from nas.outcomes import Outcome
from nas.records import Header, open_records
from nas.screen import Screen
from nas.search import Search
from nas.strategies import STRATEGIES
from nas.tasks import load_task
from nas.training import recipe_for
from nas.trial import TrialSettings, make_runner
from predictors.evaluation import evaluate, over_rows, paired_difference
from predictors.evaluation.protocols import Rows
from predictors.metrics import agreement
from predictors.models import MODELS
from predictors.models.model import Floats, Model

SEEDS = tuple(range(5))
TRIALS = 40
EPOCHS, AFTER = 9, (1, 3)
MIN_DENSITY, MAX_DENSITY = 0.02, 0.3
BATCH = 64
MAX_MULTIPLY_ADDS = 150_000
MODEL = "random_forest"
"""Chosen beforehand, as one that few rows and many columns do not upset."""
SO_FAR = "curve/val_accuracy"

Trained = Mapping[str, Any]


def curves(folder: Path, say: Callable[[str], None]) -> Table:
    """Return one row for each set of columns and number of epochs; trainings are kept in `curves.jsonl` in the folder.

    Figures are out of fold (3 times 10-fold) with 95 % bootstrap intervals over networks. `gain` is Kendall's tau minus
    that of the accuracy so far, which needs no model: what successive halving promotes by.
    """
    from experiments.reproduce.resumed import resumed  # here, as reproductions are made of benchmarks

    trained = list(resumed(folder / "curves.jsonl", [str(seed) for seed in SEEDS], _trained, say))
    rows = [row for epochs in AFTER for row in judged(trained, epochs)]
    best = {f"{row['columns']}, epoch {row['epochs']}": row["kendall"] for row in rows}
    protocol = (
        f"digits, convnet_small up to {MAX_MULTIPLY_ADDS:,} multiply-adds, density {MIN_DENSITY} to {MAX_DENSITY}, "
        f"{len(trained)} random networks of {len(SEEDS)} seeds, {EPOCHS} epochs, batch {BATCH}; {MODEL}, 3 x 10-fold"
    )
    return Table("curves", protocol, rows, best)


def judged(trained: Sequence[Trained], epochs: int, model: str = MODEL) -> list[dict[str, Any]]:
    """Return the figures of each set of columns for the final accuracies of networks seen for some epochs."""
    y = np.array([one["val_accuracy"] for one in trained])
    begun = [one["curves"][str(epochs)] for one in trained]
    keys = [one["candidate"] for one in trained]
    so_far = np.array([curve[SO_FAR] for curve in begun])
    sets = {
        "structure": [one["features"] for one in trained],
        "first epochs": begun,
        "structure and first epochs": [{**one["features"], **curve} for one, curve in zip(trained, begun, strict=True)],
    }
    rows = [_row("accuracy so far, no model", epochs, y, so_far, so_far, keys) | {"r2": None, "mae": None}]
    for name, columns in sets.items():
        names = list(columns[0])
        x = np.array([[row[column] for column in names] for row in columns])
        found = evaluate(_maker(model), names, x, y, keys)
        rows.append(
            _row(name, epochs, y, found.predictions.mean(axis=0), so_far, keys)
            | {figure: found.figures[figure].mean for figure in ("r2", "mae")}
        )
    return rows


def _row(name: str, epochs: int, y: Floats, predicted: Floats, so_far: Floats, keys: Sequence[str]) -> dict[str, Any]:
    def tau(rows: Rows) -> float:
        return agreement(y[rows], predicted[rows])["kendall"]

    def compare(measured: Floats, values: Floats) -> float:
        return agreement(measured, values)["kendall"]

    own = asdict(over_rows(tau, keys, np.random.default_rng(0), 500))
    gain = asdict(paired_difference(compare, y, predicted, so_far, keys, np.random.default_rng(0), 500))
    return {
        "epochs": epochs,
        "columns": name,
        "kendall": own["mean"],
        "kendall_low": own["low"],
        "kendall_high": own["high"],
        **{f"gain_{end}".removesuffix("_mean"): value for end, value in gain.items()},
    }


def _maker(model: str) -> Callable[[Sequence[str]], Model]:
    return lambda names: MODELS[model](names, 0, 1)


def _trained(seed: str) -> list[dict[str, Any]]:
    task = load_task("digits", None)
    sparsity = SparsityChoices(densities=density_grid(MIN_DENSITY, MAX_DENSITY))
    space = CandidateSpace(
        find_space("convnet_small"), sparsity, task.signature, seed=int(seed), max_multiply_adds=MAX_MULTIPLY_ADDS
    )
    header = Header("digits", "convnet_small", ("val_accuracy",), int(seed), "choices")
    settings = TrialSettings(recipe_for("digits", epochs=EPOCHS, batch_size=BATCH, evaluate_every=1))
    with tempfile.TemporaryDirectory() as out:
        records = open_records(Path(out) / "journal.log", "study", header, space.choices)
        screen = Screen(space, task, header.objectives)
        with closing(local(Work(make_runner, settings, task), Resources(workers=0, threads=1))) as executor:
            done = Search(STRATEGIES["random"], screen, executor, records, space).run(TRIALS)
    return [
        {
            "seed": int(seed),
            "candidate": f"{seed}/{record.digest}",
            "val_accuracy": record.outcome.val_accuracy,
            "curves": {str(after): curve_features(record.outcome.curve, after) for after in AFTER},
            "features": dict(record.features),
        }
        for record in done
        if isinstance(record.outcome, Outcome)
    ]
