"""Validation accuracy against kept weights, with the Pareto front, and against density, by pruning method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.figures.canvas import BEST, INK, looks, new_figure
from experiments.report.figures.scales import floor_of, limit_accuracy, log_count, log_percent, scatter_above
from experiments.report.summary import RunSummary, Trial

PANEL_HEIGHT = 400.0
LEGEND_HEIGHT = 30.0


def accuracy(summary: RunSummary, width: float) -> Figure:
    """Return both panels, side by side where there is room."""
    wide = width >= 640
    columns, rows = (2, 1) if wide else (1, 2)
    panel = PANEL_HEIGHT if wide else 300.0
    legend_columns = 9 if wide else 3
    names = [name for name, _ in Counter(t.method for t in summary.finished).most_common()]
    legend_rows = -(-(len(names) + 3) // legend_columns)
    figure, (left, right) = new_figure(width, rows * panel + legend_rows * LEGEND_HEIGHT, columns, rows)
    _panel(left, summary, lambda trial: float(trial.kept or 0), names)
    log_count(left, [float(trial.kept or 1) for trial in summary.finished])
    left.set(xlabel="kept weights", title="Against kept weights")
    _front_line(left, summary.front)
    _panel(right, summary, lambda trial: trial.achieved_density, names)
    log_percent(right, [trial.achieved_density for trial in summary.finished])
    right.set(xlabel="density (kept fraction)", title="Against density")
    if wide:
        right.tick_params(labelleft=False)
    else:
        right.set_ylabel("validation accuracy")
    left.set_ylabel("validation accuracy")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=legend_columns, borderaxespad=0.2)
    return figure


def _panel(axes: Axes, summary: RunSummary, x: Callable[[Trial], float], names: Sequence[str]) -> None:
    trials = summary.finished
    searched = [t.accuracy or 0.0 for t in trials]
    longer = [y for _, y in _longer(summary)]
    floor = limit_accuracy(axes, [*searched, *longer], floor=floor_of(searched))
    style = looks(names)
    for name in names:
        colour, marker = style[name]
        own = [t for t in trials if t.method == name]
        points = [x(t) for t in own], [t.accuracy or 0.0 for t in own]
        scatter_above(axes, *points, floor, colour=colour, marker=marker, label=name)
    _marks(axes, summary, x)


def _marks(axes: Axes, summary: RunSummary, x: Callable[[Trial], float]) -> None:
    front, best = summary.front, summary.best_trial
    if front:
        points = [x(t) for t in front], [t.accuracy or 0.0 for t in front]
        axes.scatter(*points, s=78, facecolors="none", edgecolors=INK, linewidths=1.1, label="Pareto front", zorder=4)
    finalists = _finalists(summary)
    if finalists:
        points = [x(t) for t, _ in finalists], [y for _, y in finalists]
        axes.scatter(*points, s=46, marker="D", facecolors="white", edgecolors=INK, linewidths=1.1,
                     label="finalist, trained longer", zorder=4)  # fmt: skip
    for trial, top in _longer(summary):
        axes.plot([x(trial)] * 2, [trial.accuracy or 0.0, top], color=INK, linewidth=0.9, alpha=0.45, zorder=2)
    if best and best.accuracy is not None:
        retrained = summary.best.retrained_val_accuracy if summary.best else None
        axes.scatter(
            [x(best)], [best.accuracy if retrained is None else retrained], s=250, marker="*", c=BEST,
            edgecolors="white", linewidths=0.8, label="best" if retrained is None else "best, retrained", zorder=5,
        )  # fmt: skip


def _finalists(summary: RunSummary) -> list[tuple[Trial, float]]:
    """The finalists that were trained to their end, and their validation accuracy then."""
    trials = {trial.number: trial for trial in summary.trials}
    ends = summary.best.finalists if summary.best else ()
    return [(trials[end.trial], end.accuracy) for end in ends if end.accuracy is not None]


def _longer(summary: RunSummary) -> list[tuple[Trial, float]]:
    """Every training that was longer than the search's: the finalists', then the best network's."""
    best, trial = summary.best, summary.best_trial
    if best is None or trial is None or best.retrained_val_accuracy is None:
        return _finalists(summary)
    return [*_finalists(summary), (trial, best.retrained_val_accuracy)]


def _front_line(axes: Axes, front: Sequence[Trial]) -> None:
    """Draw the front of accuracy and kept weights: what accuracy at most this many weights bought."""
    ordered = sorted(front, key=lambda t: t.kept or 0)
    if not ordered:
        return
    kept = np.array([t.kept or 0 for t in ordered], dtype=float)
    best = np.maximum.accumulate(np.array([t.accuracy or 0.0 for t in ordered]))
    right = axes.get_xlim()[1]
    axes.step([*kept, right], [*best, best[-1]], where="post", color=INK, linewidth=1.1, alpha=0.75, zorder=2)
