"""How a population's speed grows with its size: against one network at a time, and against products alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter

from experiments.report.figures.canvas import INK, looks, new_figure

_AIMS = {"ratio": 8.0, "share_of_bmm": 0.5}


def draw(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Return two panels over the number of networks: times one at a time, and share of torch.bmm's rate."""
    figure, (left, right) = new_figure(960.0, 360.0, columns=2)
    _lines(left, rows, "ratio")
    left.set(title="network-steps per second against one network at a time", ylabel="times")
    _lines(right, rows, "share_of_bmm")
    right.set(title="share of the rate of products alone", ylabel="share")
    right.yaxis.set_major_formatter(PercentFormatter(1.0))
    left.legend(loc="lower right")
    return figure


def _lines(axes: Axes, rows: Sequence[Mapping[str, Any]], key: str) -> None:
    for cell, (colour, marker) in looks(list(dict.fromkeys(row["cell"] for row in rows))).items():
        line = [(row["networks"], row[key]) for row in rows if row["cell"] == cell]
        axes.plot(*zip(*line, strict=True), color=colour, marker=marker, markersize=6, linewidth=1.6, label=cell)
    axes.axhline(_AIMS[key], color=INK, linewidth=1.0, linestyle=(0, (4, 2)), label="aim")
    sizes = sorted({row["networks"] for row in rows})
    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="networks", ylim=(0, None))
