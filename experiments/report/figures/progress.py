"""Every trial's validation accuracy in the order of proposal, and the best so far."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from experiments.report.figures.canvas import ACCENT, FAILED, INK, MUTED, new_figure, only_rows
from experiments.report.figures.scales import limit_accuracy, scatter_above, whole_numbers
from experiments.report.summary import RunSummary


def progress(summary: RunSummary, width: float) -> Figure:
    """Return the figure: screened and freely drawn trials apart, failed ones on the bottom edge."""
    figure, (axes,) = new_figure(width, 360.0)
    trials = summary.finished
    floor = limit_accuracy(axes, [t.accuracy or 0.0 for t in trials])
    bottom = axes.get_ylim()[0]
    groups = (
        ("drawn freely", [t for t in trials if t.expected is None], MUTED, "o"),
        ("chosen by the screen", [t for t in trials if t.expected is not None], ACCENT, "D"),
    )
    for label, group, colour, marker in groups:
        if group:
            points = [float(t.number) for t in group], [t.accuracy or 0.0 for t in group]
            scatter_above(axes, *points, floor, colour=colour, marker=marker, label=label)
    numbers = [t.number for t in trials]
    best = np.maximum.accumulate([t.accuracy or 0.0 for t in trials])
    axes.step(numbers, best, where="post", color=INK, linewidth=1.4, label="best so far", zorder=2)
    if summary.failed:
        x = [t.number for t in summary.failed]
        axes.scatter(
            x, [bottom] * len(x), s=36, c=FAILED, marker="x", linewidths=1.5, label="failed", clip_on=False, zorder=4
        )
    whole_numbers(axes.xaxis)
    only_rows(axes)
    axes.set(xlabel="trial", ylabel="validation accuracy")
    figure.legend(loc="outside upper left", ncols=4 if width > 420 else 2, borderaxespad=0.2)
    return figure
