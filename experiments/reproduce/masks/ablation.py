"""Which of the model's columns matter: each left out, and each alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from experiments.reproduce.masks.contestants import monotone_on
from experiments.reproduce.masks.protocol import held_out, paired_cells, scores, within
from experiments.reproduce.masks.rows import Published

PARTS: dict[str, tuple[str, ...]] = {
    "mean densities": ("log_mean", "log_mean_tenth", "log_mean_quarter", "quarter_power", "log_middle"),
    "shortcuts' density": ("log_shortcut",),
    "smallest layer": ("log_kept_min",),
    "multiply-adds": ("log_multiply_adds",),
    "effective entries": ("log_effective",),
    "entropies": ("entropy", "log_spread"),
}


FIRST = "first"
"""The first layer's column, which the model leaves out."""


def ablation(runs: Published, dataset: str) -> Iterator[dict[str, Any]]:
    """Yield one row for each part of the feature group `erk`, left out and alone, under both protocols.

    `cell` and `mae` are those of the rest (or of the part); `cell_low` and `cell_high` bound the change of the cell
    figure against all columns, paired over settings, t interval at 95 %. The last row adds the first layer's column.
    """
    for protocol, groups in (("method", runs.methods), ("network", runs.models)):
        whole = within(runs.accuracies, held_out(monotone_on(runs, _columns(_all())), groups), runs.settings)
        for label, chosen in _choices():
            predicted = held_out(monotone_on(runs, _columns(chosen)), groups)
            found = scores(runs.accuracies, predicted, runs.settings, runs.methods).as_row()
            change = paired_cells(within(runs.accuracies, predicted, runs.settings), whole)
            found |= {"cell_low": change[1], "cell_high": change[2]}
            head = {"dataset": dataset, "held_out": protocol, "predictor": f"{label} (interval: change)"}
            yield {**head, **found, "coverage": "", "width": ""}


def _choices() -> Iterator[tuple[str, list[str]]]:
    for part, names in PARTS.items():
        yield f"without {part}", [name for name in _all() if name not in names]
        yield f"only {part}", list(names)
    yield "with the first layer", [*_all(), FIRST]


def _all() -> list[str]:
    return [name for names in PARTS.values() for name in names]


def _columns(names: Sequence[str]) -> list[str]:
    return [f"erk/over_{name}" for name in names]
