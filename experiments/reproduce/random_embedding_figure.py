"""How often the target fits, by width, beside the formula; and what width the formula asks for, by density."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter
from scipy import stats

from experiments.report.figures.canvas import INK, MUTED, looks, new_figure, only_rows
from pruning import heuristic_width_factor

Row = Mapping[str, Any]


def draw(rows: Sequence[Row]) -> Figure:
    """Return the picture: points are measured shares with 95 % intervals (Clopper and Pearson), lines the formula."""
    figure, (success, width) = new_figure(1080.0, 420.0, columns=2)
    densities = sorted({row["density"] for row in rows}, reverse=True)
    for name, (colour, marker) in looks([f"density {density:g}" for density in densities]).items():
        mine = [row for row in rows if name == f"density {row['density']:g}"]
        x = np.array([row["share"] for row in mine])
        middle, low, high = np.array([_interval(row["successes"], row["trials"]) for row in mine]).T
        success.errorbar(
            x, middle, [middle - low, high - middle], color=colour, marker=marker, linestyle="none", markersize=6,
            elinewidth=1.2, capsize=2.5, label=name,
        )  # fmt: skip
        success.plot(x, [row["predicted"] for row in mine], color=colour, linewidth=1.4)
    success.set(title="targets that fit (lines: formula)", xlabel="copies / copies the formula asks for")
    success.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    success.set_ylim(-0.03, 1.03)
    success.legend(loc="upper left")
    only_rows(success)
    _widths(width, [row for row in rows if row["share"] == 1.0])
    return figure


def _widths(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw the copies asked for against density, and the factor of the theorem without its logarithm."""
    densities = [row["density"] for row in rows]
    for name, colour, marker in (("copies_of_inputs", INK, "o"), ("copies_of_hidden", MUTED, "s")):
        axes.plot(densities, [row[name] for row in rows], color=colour, marker=marker, label=name.replace("_", " "))
    bare = [heuristic_width_factor(density) for density in densities]
    axes.plot(densities, bare, color=INK, linestyle=":", label="1 / ln(1 / sparsity), at least 1")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xticks(densities, [f"{density:g}" for density in densities])
    axes.set_yticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    axes.set(title="copies of each unit for 90 % success", xlabel="density of the masks")
    axes.legend(loc="upper right")
    only_rows(axes)


def _interval(successes: int, trials: int) -> tuple[float, float, float]:
    found = stats.binomtest(successes, trials).proportion_ci(0.95)
    return successes / trials, float(found.low), float(found.high)
