"""Seconds of pruning methods by the number of weights, and of PHEW by density; both axes logarithmic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from experiments.report.figures.canvas import INK, MUTED, looks, new_figure

if TYPE_CHECKING:
    from experiments.benchmarks.masks import Row

SHOWN = ("random", "magnitude", "synflow", "phew", "snip", "grasp")
"""One method for each kind of work; the others are in the table."""


def draw(rows: Sequence[Row]) -> Figure:
    """Return two panels: every kind of method over the networks, and PHEW over densities."""
    figure, (by_weights, by_density) = new_figure(1080.0, 460.0, columns=2)
    _by_weights(by_weights, [row for row in rows if row.part == "methods"])
    _by_density(by_density, [row for row in rows if (row.part, row.method) == ("density", "phew")])
    return figure


def _by_weights(axes: Axes, rows: Sequence[Row]) -> None:
    style = looks(SHOWN)
    for name in (*SHOWN, "sort"):
        line = sorted((row.weights, row.seconds) for row in rows if row.method == name)
        x, y = [weights for weights, _ in line], [seconds for _, seconds in line]
        if name == "sort":
            axes.plot(x, y, color=INK, linestyle=(0, (4, 3)), linewidth=1.4)
            axes.annotate(
                "one sort of the weights", (x[0], y[0]), (6, -14), textcoords="offset points", color=INK, fontsize=10
            )
            continue
        colour, marker = style[name]
        axes.plot(x, y, color=colour, marker=marker, markersize=6, linewidth=1.6, label=name)
    _logarithmic(axes)
    weights = sorted({(row.weights, row.network) for row in rows})
    axes.xaxis.set_major_locator(FixedLocator([count for count, _ in weights]))
    axes.set_xticks([count for count, _ in weights], [f"{name}\n{count / 1e6:.2g} M" for count, name in weights])
    axes.set(title="density 0.1, one round", ylabel="CPU seconds, one thread")
    axes.legend(loc="upper left", ncols=2)


def _by_density(axes: Axes, rows: Sequence[Row]) -> None:
    names = list(dict.fromkeys(row.network for row in rows))
    for name, (colour, marker) in looks(names).items():
        line = sorted((row.density, row.seconds) for row in rows if row.network == name)
        x, y = [density for density, _ in line], [seconds for _, seconds in line]
        axes.plot(x, y, color=colour, marker=marker, markersize=6, linewidth=1.6)
        axes.annotate(name, (x[-1], y[-1]), (6, 4), textcoords="offset points", color=colour, fontsize=10.5)
    _logarithmic(axes)
    densities = sorted({row.density for row in rows})
    axes.set_xticks(densities, [f"{density:g}" for density in densities])
    axes.set_xlim(densities[0] / 1.2, densities[-1] * 2.2)
    axes.set(title="PHEW", xlabel="density")
    axes.annotate("3 s", (densities[0], 3.0), (2, 4), textcoords="offset points", color=MUTED, fontsize=10)
    axes.axhline(3.0, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)))


def _logarithmic(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
