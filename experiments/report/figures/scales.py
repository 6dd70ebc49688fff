"""Axis limits and ticks: percent, counts on a logarithmic axis, and a floor that a few bad trials cannot pull down."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from experiments.report.words import short_count

STEPS = (1.0, 2.0, 5.0)
SIZES = {"o": 34.0, "s": 30.0, "^": 38.0, "D": 26.0, "v": 38.0, "P": 38.0, "X": 38.0}
"""Marker areas in square pixels that look equally large."""


def floor_of(accuracies: Sequence[float]) -> float:
    """Return where an accuracy axis begins: at the least value, but at most twice as far below the median as the
    best is above it, so that untrainable candidates do not squash the rest.
    """
    values = np.asarray(accuracies, dtype=float)
    best, median = float(values.max()), float(np.median(values))
    reach = max(2.0 * (best - median), 0.02)
    return max(float(values.min()), median - reach)


def limit_accuracy(
    axes: Axes, accuracies: Sequence[float], *, vertical: bool = True, floor: float | None = None
) -> float:
    """Set the limits and percent ticks of an accuracy axis; return the least accuracy it shows (`floor_of`)."""
    low, high = floor_of(accuracies) if floor is None else floor, max(accuracies)
    margin = max(0.06 * (high - low), 0.004)
    limits = (max(low - margin, -0.01), min(high + margin, 1.0 + margin))
    (axes.set_ylim if vertical else axes.set_xlim)(limits)
    _percent_ticks(axes.yaxis if vertical else axes.xaxis, limits)
    return low


def scatter_above(
    axes: Axes, x: Sequence[float], y: Sequence[float], floor: float, *, colour: str, marker: str, label: str
) -> None:
    """Scatter the points; those below `floor` become open triangles on the bottom edge, at their own x."""
    high = [(a, b) for a, b in zip(x, y, strict=True) if b >= floor]
    low = [a for a, b in zip(x, y, strict=True) if b < floor]
    size = SIZES.get(marker, 30.0)
    points = [a for a, _ in high], [b for _, b in high]
    axes.scatter(*points, marker=marker, s=size, c=colour, alpha=0.72, linewidths=0, label=label, zorder=3)
    if low:
        bottom = [axes.get_ylim()[0]] * len(low)
        axes.scatter(
            low,
            bottom,
            marker="v",
            s=30,
            facecolors="white",
            edgecolors=colour,
            linewidths=1.2,
            clip_on=False,
            zorder=5,
        )


def log_percent(axes: Axes, values: Sequence[float]) -> None:
    """Make the x axis a logarithmic one in percent, with ticks 1, 2, 5 in each decade (1 alone over four)."""
    _log_axis(axes, values, lambda value: f"{100 * value:g}\u202f%", ceiling=1.15)


def log_count(axes: Axes, values: Sequence[float]) -> None:
    """Make the x axis a logarithmic one in counts: 1 k, 2 k, 5 k, ..."""
    _log_axis(axes, values, lambda value: short_count(value).replace(".0", ""))


def whole_numbers(axis: Axis) -> None:
    """Put ticks on whole numbers only."""
    axis.set_major_locator(MaxNLocator(nbins=7, integer=True))


def _log_axis(axes: Axes, values: Sequence[float], text: Callable[[float], str], ceiling: float = float("inf")) -> None:
    low, high = min(values), max(values)
    axes.set_xscale("log")
    axes.set_xlim(low / 1.25, min(max(high, low * 1.5) * 1.25, max(ceiling, high)))
    left, right = axes.get_xlim()
    steps = STEPS if right / left < 300 else (1.0,)
    exponents = range(int(np.floor(np.log10(left))), int(np.ceil(np.log10(right))) + 1)
    ticks = [step * 10.0**exponent for exponent in exponents for step in steps]
    ticks = [tick for tick in ticks if left <= tick <= right]
    axes.xaxis.set_major_locator(FixedLocator(ticks) if len(ticks) > 1 else LogLocator(subs=(1, 2, 3, 5, 7)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _percent_ticks(axis: Axis, limits: tuple[float, float]) -> None:
    digits = 0 if limits[1] - limits[0] > 0.045 else 1
    axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.{digits}f}\u202f%" if value <= 1 else ""))
