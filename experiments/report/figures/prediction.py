"""Predicted against measured accuracies: of a search's screen, and of a predictor's cross-validation."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.figures.canvas import ACCENT, MUTED, new_figure
from experiments.report.figures.scales import limit_accuracy
from experiments.report.summary import RunSummary


def prediction(summary: RunSummary, width: float) -> Figure:
    """Return the scatter of what the screen expected of the candidates it chose against what they came to."""
    figure, (axes,) = new_figure(width, 360.0)
    pairs = [(t.expected, t.accuracy) for t in summary.finished if t.expected and t.accuracy is not None]
    _scatter(
        axes,
        [measured for _, measured in pairs],
        [expected.accuracy for expected, _ in pairs],
        [(expected.lower, expected.upper) for expected, _ in pairs],
    )
    return figure


def cross_validation(
    title: str,
    measured: Sequence[float],
    predicted: Sequence[float],
    lower: Sequence[float],
    upper: Sequence[float],
    coverage: float,
) -> Figure:
    """Return the scatter of predictions out of fold; a share `coverage` of the intervals holds what was measured."""
    figure, (axes,) = new_figure(720.0, 640.0)
    _scatter(axes, measured, predicted, list(zip(lower, upper, strict=True)))
    axes.set_title(title)
    axes.set_xlabel(f"predicted accuracy; {100 * coverage:.1f}\u202f% of the intervals hold the measured one")
    return figure


def _scatter(
    axes: Axes,
    measured: Sequence[float],
    predicted: Sequence[float],
    intervals: Sequence[tuple[float | None, float | None]],
) -> None:
    """Draw points and horizontal intervals; on the diagonal the prediction was exact."""
    both = [*predicted, *measured]
    limit_accuracy(axes, both, floor=min(both))
    limit_accuracy(axes, both, floor=min(both), vertical=False)
    low, high = axes.get_ylim()
    axes.plot([low, high], [low, high], color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=2)
    faint = 0.28 if len(measured) <= 100 else 0.12
    for (left, right), height in zip(intervals, measured, strict=True):
        if left is not None and right is not None:
            axes.plot([left, right], [height, height], color=ACCENT, alpha=faint, linewidth=1.4, zorder=2)
    axes.scatter(predicted, measured, s=26, c=ACCENT, alpha=0.85, linewidths=0, zorder=3)
    axes.set(xlabel="predicted accuracy", ylabel="measured accuracy")
