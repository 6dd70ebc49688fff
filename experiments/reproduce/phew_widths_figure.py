"""Widths and path kernels by density, and the units alive in each layer at one density; a row of panels a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter

from experiments.report.figures.canvas import looks, new_figure, only_rows
from experiments.reproduce.phew_widths_summary import mean_interval

if TYPE_CHECKING:
    from experiments.reproduce.phew_widths import LayerRow, Row

PROFILE = 0.05
"""Density of the panel that shows every layer."""


def draw(rows: Sequence[Row], layers: Sequence[LayerRow]) -> Figure:
    """Return the picture: lines are means over seeds, bands 95 % intervals."""
    networks = list(dict.fromkeys(row.network for row in rows))
    methods = sorted(dict.fromkeys(row.method for row in rows), key=lambda name: name.startswith("random"))
    densities = sorted({row.density for row in rows})
    profile = min(densities, key=lambda density: abs(density - PROFILE))
    figure, axes = new_figure(1260.0, 360.0 * len(networks) + 50.0, columns=3, rows=len(networks))
    for number, network in enumerate(networks):
        width, kernel, units = axes[3 * number : 3 * number + 3]
        mine = [row for row in rows if row.network == network]
        for figure_of, place in (("width", width), ("log_kernel", kernel)):
            _by_density(place, mine, methods, figure_of)
        width.set(title=f"{network}: units alive, mean over layers")
        width.set_ylim(-0.03, 1.05)
        width.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        kernel.set(title=f"{network}: log10 of path kernel trace / dense")
        _profile(units, [row for row in layers if (row.network, row.density) == (network, profile)], methods)
        units.set(title=f"{network}: units alive, density {profile:g}", xlabel="layer")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(methods), borderaxespad=0.2)
    return figure


def _by_density(axes: Axes, rows: Sequence[Row], methods: Sequence[str], figure_of: str) -> None:
    densities = sorted({row.density for row in rows})
    for method, (colour, marker) in looks(methods).items():
        values = [
            [getattr(row, figure_of) for row in rows if (row.method, row.density) == (method, density)]
            for density in densities
        ]
        middle, low, high = np.array([mean_interval(group) for group in values]).T
        finite = np.isfinite(middle)
        x = np.array(densities)[finite]
        axes.plot(x, middle[finite], color=colour, marker=marker, markersize=6, linewidth=1.6, label=method)
        axes.fill_between(x, low[finite], high[finite], color=colour, alpha=0.18, linewidth=0)
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(densities, [f"{density:g}" for density in densities])
    axes.set_xlabel("density")
    only_rows(axes)


def _profile(axes: Axes, layers: Sequence[LayerRow], methods: Sequence[str]) -> None:
    names = list(dict.fromkeys(layer.layer for layer in layers))
    for method, (colour, marker) in looks(methods).items():
        shares = [
            mean_interval([row.alive / row.units for row in layers if (row.method, row.layer) == (method, name)])
            for name in names
        ]
        middle, low, high = np.array(shares).T
        places = np.arange(1, len(names) + 1)
        axes.plot(places, middle, color=colour, marker=marker, markersize=5, linewidth=1.4)
        axes.fill_between(places, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.set_xlim(0.5, len(names) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(-0.03, 1.05)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    only_rows(axes)
