"""Measured against predicted accuracy for each cell, with the ceiling that seeds leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

_COLOURS = {"barabasi_albert": "#b5542f", "watts_strogatz": "#2f6db5"}
_LABELS = {"barabasi_albert": "Barabási–Albert", "watts_strogatz": "Watts–Strogatz"}


def draw(cells: Sequence[Mapping[str, Any]]) -> Figure:
    """Return one panel a cell: out-of-fold prediction (mean over repeats) across, mean accuracy over seeds up."""
    figure = Figure(figsize=(3.2 * len(cells), 3.6), layout="constrained")
    axes = figure.subplots(1, len(cells), squeeze=False)[0]
    for axis, cell in zip(axes, cells, strict=True):
        for family, colour in _COLOURS.items():
            chosen = [i for i, name in enumerate(cell["families"]) if name == family]
            across = [cell["predictions"][i] for i in chosen]
            up = [cell["accuracies"][i] for i in chosen]
            axis.scatter(across, up, s=14, color=colour, alpha=0.7, linewidths=0, label=_LABELS[family])
        ends = [min(cell["accuracies"]) - 0.01, max(cell["accuracies"]) + 0.01]
        axis.plot(ends, ends, color="0.6", linewidth=1, zorder=0)
        r2, most = cell["all"]["r2"]["mean"], cell["ceiling"]["mean"]
        axis.set_title(f"{cell['cell']}, {cell['seeds']} seeds: R² {r2:.2f} of {most:.2f} possible", fontsize=9)
        axis.set_xlabel("predicted accuracy")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("accuracy, mean over seeds")
    axes[0].legend(frameon=False, fontsize=8, loc="upper left")
    return figure
