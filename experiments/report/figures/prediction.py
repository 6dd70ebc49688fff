"""What the screen expected of the candidates it chose, against what they came to."""

from __future__ import annotations

from matplotlib.figure import Figure

from experiments.report.figures.canvas import ACCENT, MUTED, new_figure
from experiments.report.figures.scales import limit_accuracy
from experiments.report.summary import RunSummary


def prediction(summary: RunSummary, width: float) -> Figure:
    """Return the scatter with intervals; on the diagonal the prediction was exact."""
    figure, (axes,) = new_figure(width, 360.0)
    pairs = [(t.expected, t.accuracy) for t in summary.finished if t.expected and t.accuracy is not None]
    both = [value for expected, measured in pairs for value in (expected.accuracy, measured)]
    limit_accuracy(axes, both, floor=min(both))
    limit_accuracy(axes, both, floor=min(both), vertical=False)
    low, high = axes.get_ylim()
    axes.plot([low, high], [low, high], color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=2)
    for expected, measured in pairs:
        if expected.lower is not None and expected.upper is not None:
            ends = [expected.lower, expected.upper]
            axes.plot(ends, [measured, measured], color=ACCENT, alpha=0.28, linewidth=1.4, zorder=2)
    axes.scatter(
        [expected.accuracy for expected, _ in pairs], [measured for _, measured in pairs],
        s=26, c=ACCENT, alpha=0.85, linewidths=0, zorder=3,
    )  # fmt: skip
    axes.set(xlabel="predicted accuracy", ylabel="measured accuracy")
    return figure
