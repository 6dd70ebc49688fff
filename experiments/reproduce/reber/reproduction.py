"""`sparsenas reproduce reber`: train what is missing, then say what structure predicts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from experiments.benchmarks.table import Table
from experiments.files import write_text
from experiments.output import dumps
from experiments.reproduce.reber.analysis import RECIPES, analysed, complete
from experiments.reproduce.reber.attempts import attempts
from experiments.reproduce.reber.held_out import FOLDS, REPEATS
from experiments.reproduce.reber.measured import measured_graphs
from experiments.reproduce.reber.networks import CELLS, networks
from experiments.reproduce.reber.run import CLIP, RECIPE, run
from nas.tasks import load_task
from nas.tasks.reber import reber_corpus
from nas.tasks.reber.shortcuts import shortcuts

SEEDS = tuple(range(5))
RUNS, GRAPHS = "reber_runs.csv", "reber_graphs.jsonl"


def reber(
    folder: Path, say: Callable[[str], None], seeds: Sequence[int] = SEEDS, cells: Sequence[str] | None = None
) -> Table:
    """Return one row a cell; every trained network is a row of `reber_runs.csv` in `folder`, which is added to.

    The graphs and their mean accuracies are written as `reber_graphs.jsonl`, from which `fit-predictor` learns.

    The same command goes on where it was stopped, block by block. The environment's SPARSENAS_REBER_CELLS (comma
    separated) trains some cells only.

    Source: J. Stier, H. Darji, M. Granitzer, 2021, arXiv 2107.12917: 100 Barabási-Albert and 100 Watts-Strogatz
    graphs a cell, one run each, 15 epochs of Adam 1e-3, batch 128, gradients clipped to 5, on 18,750 strings.
    Differs from the paper: the graph is the mask of the hidden weights, read at the true length from every node;
        negatives have one wrong letter of the alphabet; five seeds a graph; the same graphs for all cells; and a
        twin of the same sizes and degrees for each.
    """
    from experiments.report.figures.canvas import render
    from experiments.reproduce.reber.figure import draw

    named = os.environ.get("SPARSENAS_REBER_CELLS")
    chosen = tuple(named.split(",")) if named else tuple(cells or CELLS)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows = run(folder / RUNS, load_task("reber"), seeds, chosen, say, device)
    found = analysed(rows)
    train, _, test = reber_corpus("reber")
    write_text(folder / GRAPHS, measured_graphs(networks(), rows))
    if found:
        write_text(
            folder / "reber_analysis.json",
            dumps({"cells": found, "attempts": attempts(complete(rows))}, indent=1) + "\n",
        )
        (folder / "reber.png").write_bytes(render(lambda: draw(found), "png"))
    return Table(
        "reber",
        f"single-edit Reber strings, {RECIPE.epochs} epochs of Adam {RECIPE.learning_rate}, batch {RECIPE.batch_size}, "
        f"clip {CLIP:g}; {RECIPES['all'].model} of all cells, {REPEATS} x {FOLDS}-fold; {device}",
        [_row(part) for part in found] or [{"cell": "none complete", "networks": len(rows)}],
        {"networks": len(rows), "shortcuts": shortcuts(train, test)},
    )


def _row(part: dict[str, Any]) -> dict[str, Any]:
    twins = part["twins"]
    return {
        "cell": part["cell"],
        "graphs": part["graphs"],
        "seeds": part["seeds"],
        "accuracy": part["mean"],
        "sd": part["sd"],
        "seed_sd": part["seed_sd"],
        "ceiling": part["ceiling"]["mean"],
        "r2": part["all"]["r2"]["mean"],
        "r2_low": part["all"]["r2"]["low"],
        "r2_high": part["all"]["r2"]["high"],
        "gap": part["gap"]["mean"],
        "gap_low": part["gap"]["low"],
        "gap_high": part["gap"]["high"],
        "r2_sizes": part["sizes"]["r2"]["mean"],
        "spearman": part["all"]["spearman"]["mean"],
        "beyond_size": part["beyond_size"]["mean"],
        "beyond_size_low": part["beyond_size"]["low"],
        "beyond_size_high": part["beyond_size"]["high"],
        **{f"r2_unseen_{name}": figures["r2"] for name, figures in part["leave_one_generator_out"].items()},
        "twin_spread": twins["spread"] if twins else None,
    }
