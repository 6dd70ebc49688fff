"""Test error by the density of the random source: a row of panels a task, a panel a search, a line an allocation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from experiments.report.figures.canvas import looks, new_figure, only_rows
from experiments.reproduce.phew_widths_summary import mean_interval

Row = Mapping[str, Any]

_WIDE = 3.0
"""Errors further apart than this are drawn on a logarithmic scale."""


def draw(rows: Sequence[Row]) -> Figure:
    """Return the picture: means over seeds, bars of 95 % intervals; the dense source is the rightmost point."""
    tasks, methods = (list(dict.fromkeys(row[name] for row in rows)) for name in ("task", "method"))
    allocations = sorted({row["allocation"] for row in rows} - {""})
    figure, axes = new_figure(1260.0, 340.0 * len(tasks) + 40.0, columns=len(methods), rows=len(tasks))
    for number, place in enumerate(axes):
        task, method = tasks[number // len(methods)], methods[number % len(methods)]
        mine = [row for row in rows if (row["task"], row["method"]) == (task, method)]
        _panel(place, mine, allocations)
        place.set(title=f"{method} on {task}", ylabel="test error, %" if number % len(methods) == 0 else "")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), borderaxespad=0.2)
    return figure


def _panel(axes: Axes, rows: Sequence[Row], allocations: Sequence[str]) -> None:
    densities = sorted({row["source_density"] for row in rows})
    places = np.arange(len(densities))
    for shift, (allocation, (colour, marker)) in zip((-0.08, 0.0, 0.08), looks(allocations).items(), strict=False):
        values = [
            [
                100 - 100 * row["accuracy"]
                for row in rows
                if row["allocation"] in (allocation, "") and row["source_density"] == d
            ]
            for d in densities
        ]
        middle, low, high = np.array([mean_interval(group) for group in values]).T
        axes.errorbar(
            places + shift, middle, [middle - low, high - middle], color=colour, marker=marker, markersize=6,
            linewidth=1.4, elinewidth=1.4, capsize=2.5, label=f"{allocation} source",
        )  # fmt: skip
    low, high = axes.dataLim.intervaly
    if high > _WIDE * low:  # sources that cut a network through beside others that differ by a tenth
        axes.set_yscale("log")
        axes.set_yticks([tick for tick in (3, 5, 10, 20, 50, 100) if low <= tick <= high])
        axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(places, [f"{density:g}" if density < 1 else "dense" for density in densities])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("density of the source")
    only_rows(axes)
