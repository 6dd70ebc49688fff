"""Jacobian singular values from stage to stage, one panel an activation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from experiments.report.figures.canvas import INK, looks, new_figure, only_rows
from experiments.reproduce.signal_propagation_summary import groups, interval

if TYPE_CHECKING:
    from experiments.reproduce.signal_propagation import Row

WORDS = {
    "dense": "before\npruning",
    "snip": "after SNIP,\ndensity 0.1",
    "scaled": "layers\nrescaled",
    "isometry": "approximate\nisometry",
}


def draw(rows: Sequence[Row], depth: int) -> Figure:
    """Return mean and condition of the singular values at each stage, for networks of `depth` layers.

    Above, geometric means over seeds with 95 % intervals. Below, medians over seeds; infinite conditions stand on
    the upper edge.
    """
    rows = [row for row in rows if row.depth == depth]
    activations = list(dict.fromkeys(row.activation for row in rows))
    names = list(dict.fromkeys(row.initialization for row in rows))
    figure, axes = new_figure(1080.0, 640.0, columns=len(activations), rows=2)
    for column, activation in enumerate(activations):
        shown = [row for row in rows if row.activation == activation]
        above, below = axes[column], axes[column + len(activations)]
        _means(above, shown, names)
        _conditions(below, shown, names)
        above.set_title(f"{activation}, {depth} layers")
        if column == 0:
            above.set_ylabel("mean singular value of the Jacobian")
            below.set_ylabel("condition number of the Jacobian")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(names), borderaxespad=0.2)
    return figure


def _means(axes: Axes, rows: Sequence[Row], names: Sequence[str]) -> None:
    by_group, style = groups(rows), looks(names)
    for index, name in enumerate(names):
        points = [(x, interval([row.jsv_mean for row in group])) for x, group in _stages(by_group, name)]
        x = [place + 0.07 * (index - (len(names) - 1) / 2) for place, _ in points]
        centre = np.array([mean for _, (mean, _, _) in points])
        errors = np.array([[mean - low, high - mean] for _, (mean, low, high) in points]).T
        colour, marker = style[name]
        axes.errorbar(
            x, centre, yerr=errors, color=colour, marker=marker, markersize=6, linewidth=1.3, capsize=2.5, label=name
        )
    axes.axhline(1.0, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    _dress(axes)


def _conditions(axes: Axes, rows: Sequence[Row], names: Sequence[str]) -> None:
    by_group, style = groups(rows), looks(names)
    medians = {
        name: [(x, float(np.median([row.condition for row in group]))) for x, group in _stages(by_group, name)]
        for name in names
    }
    finite = [value for points in medians.values() for _, value in points if math.isfinite(value)]
    top = 10 ** math.ceil(math.log10(max(finite, default=10.0)) + 0.5)
    for index, name in enumerate(names):
        colour, marker = style[name]
        x = [place + 0.07 * (index - (len(names) - 1) / 2) for place, _ in medians[name]]
        y = [min(value, top) for _, value in medians[name]]
        axes.plot(x, y, color=colour, marker=marker, markersize=6, linewidth=1.3, clip_on=False)
    axes.set_ylim(0.8, top)
    _dress(axes)


def _stages(by_group: dict[tuple[int, str, str, str], list[Row]], name: str) -> list[tuple[int, list[Row]]]:
    order = list(WORDS)
    found = [(order.index(stage), group) for (_, _, whose, stage), group in by_group.items() if whose == name]
    return sorted(found, key=lambda pair: pair[0])


def _dress(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xticks(range(len(WORDS)), list(WORDS.values()))
    axes.set_xlim(-0.35, len(WORDS) - 0.65)
    only_rows(axes)
