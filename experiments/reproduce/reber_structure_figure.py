"""Predicted against measured accuracy of recurrent networks, one panel for each kind of cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.report.figures.canvas import ACCENT, INK, RULE, new_figure
from predictors.models.model import Floats


def draw(panels: Sequence[tuple[str, Floats, Floats, tuple[Floats, Floats]]]) -> Figure:
    """Return one panel for each (mode, accuracies, predictions, ends of their 90 % intervals)."""
    figure, axes = new_figure(1080.0, 400.0, columns=len(panels))
    for ax, (mode, measured, predicted, (lower, upper)) in zip(axes, panels, strict=True):
        ends = np.array([predicted - lower, upper - predicted]).clip(min=0)
        ax.errorbar(predicted, measured, xerr=ends, fmt="none", ecolor=RULE, elinewidth=0.7, zorder=1)
        ax.scatter(predicted, measured, s=14, color=ACCENT, linewidth=0, alpha=0.8, zorder=2)
        low = min(measured.min(), predicted.min()) - 0.02
        ax.plot([low, 1.0], [low, 1.0], color=INK, linewidth=0.8, zorder=3)
        ax.set(title=mode, xlabel="predicted accuracy, 90 % interval", ylabel="measured accuracy")
        ax.set_xlim(low, 1.02)
        ax.set_ylim(low, 1.02)
    return figure
