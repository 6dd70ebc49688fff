"""Which of the model's columns matter: each left out, and each alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from experiments.reproduce.masks.contestants import monotone_on
from experiments.reproduce.masks.protocol import held_out, paired_cells, scores, within
from experiments.reproduce.masks.rows import Published

PARTS: dict[str, tuple[str, ...]] = {
    "mean densities": ("log_mean", "log_mean_tenth", "log_mean_quarter", "quarter_power", "log_middle"),
    "shortcuts' density": ("log_shortcut",),
    "first and smallest layer": ("first", "log_kept_min"),
    "multiply-adds": ("log_multiply_adds",),
    "effective entries": ("log_effective",),
    "entropies": ("entropy", "log_spread"),
}


def ablation(runs: Published, dataset: str) -> Iterator[dict[str, Any]]:
    """Yield one row for each part of the feature group `erk`, left out and alone, under both protocols.

    `cell` and `mae` are those of the rest (or of the part); `cell_low` and `cell_high` bound the change of the cell
    figure against all columns, paired over settings, t interval at 95 %.
    """
    columns = {part: [f"erk/over_{name}" for name in names] for part, names in PARTS.items()}
    every = [name for names in columns.values() for name in names]
    for protocol, groups in (("method", runs.methods), ("network", runs.models)):
        whole = within(runs.accuracies, held_out(monotone_on(runs, every), groups), runs.settings)
        for part, names in columns.items():
            for what, chosen in (("without", [n for n in every if n not in names]), ("only", names)):
                predicted = held_out(monotone_on(runs, chosen), groups)
                found = scores(runs.accuracies, predicted, runs.settings, runs.methods).as_row()
                change = paired_cells(within(runs.accuracies, predicted, runs.settings), whole)
                found |= {"cell_low": change[1], "cell_high": change[2]}
                label = f"{what} {part} (interval: change)"
                yield {
                    "dataset": dataset,
                    "held_out": protocol,
                    "predictor": label,
                    **found,
                    "coverage": "",
                    "width": "",
                }
