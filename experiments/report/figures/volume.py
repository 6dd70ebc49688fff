"""The share of the objectives' box that is dominated, trial by trial."""

from __future__ import annotations

from matplotlib.figure import Figure

from experiments.report.figures.canvas import ACCENT, new_figure, only_rows
from experiments.report.figures.scales import whole_numbers
from experiments.report.summary import RunSummary
from experiments.report.volume import dominated


def volume(summary: RunSummary, width: float) -> Figure:
    """Return the figure: one step a finished trial."""
    figure, (axes,) = new_figure(width, 240.0)
    numbers = [trial.number for trial in summary.finished]
    axes.step(numbers, dominated(summary), where="post", color=ACCENT, linewidth=1.8)
    axes.set(xlabel="trial", ylabel="share of the box", ylim=(0.0, None))
    whole_numbers(axes.xaxis)
    only_rows(axes)
    return figure
