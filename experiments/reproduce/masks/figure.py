"""Predicted against measured accuracy of pruned CNNs, with 90 % intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.report.figures.canvas import COLOURS, INK, MARKERS, RULE, new_figure
from experiments.reproduce.masks.rows import Published
from predictors.models.model import Floats


def draw(panels: Sequence[tuple[str, Published, Floats, Floats, Floats]]) -> Figure:
    """Return one panel for each (title, runs, predictions, lower ends, upper ends); a mark for each network."""
    columns = 2
    figure, axes = new_figure(980.0, 430.0 * (len(panels) // columns), columns=columns, rows=len(panels) // columns)
    for ax, (title, runs, predicted, lower, upper) in zip(axes, panels, strict=True):
        ends = np.array([predicted - lower, upper - predicted]).clip(min=0)
        ax.errorbar(predicted, runs.accuracies, xerr=ends, fmt="none", ecolor=RULE, elinewidth=0.7, zorder=1)
        for number, model in enumerate(np.unique(runs.models)):
            inside = runs.models == model
            ax.scatter(
                predicted[inside], runs.accuracies[inside], s=14, linewidth=0, alpha=0.8, zorder=2,
                color=COLOURS[number], marker=MARKERS[number], label=str(model),
            )  # fmt: skip
        low, high = runs.accuracies.min() - 0.02, runs.accuracies.max() + 0.02
        ax.plot([low, high], [low, high], color=INK, linewidth=0.8, zorder=3)
        ax.set(title=title, xlabel="predicted accuracy, 90 % interval", ylabel="measured accuracy")
        ax.set_xlim(low, high)
        ax.set_ylim(low, high)
    axes[0].legend(loc="upper left", fontsize=9)
    return figure
