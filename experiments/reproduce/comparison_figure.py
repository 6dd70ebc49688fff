"""Paired differences as points with intervals beside a line of no difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from experiments.report.figures.canvas import ACCENT, INK, MUTED, new_figure, render

_FIELDS = {"first", "second", "mean", "low", "high", "wins", "pairs"}


def write_figure(file: Path, differences: Sequence[Mapping[str, Any]], title: str) -> None:
    """Write the picture of `compared`'s differences as a PNG; with fewer than two seeds there is none to draw."""
    if differences:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(render(lambda: draw(differences, title), "png"))


def draw(differences: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Return the picture: a line each, in points of accuracy, filled where the interval excludes zero."""
    figure, (axes,) = new_figure(900.0, 90.0 + 24.0 * len(differences))
    for place, entry in enumerate(differences):
        settled = entry["low"] > 0 or entry["high"] < 0
        colour = ACCENT if settled else MUTED
        axes.plot([100 * entry["low"], 100 * entry["high"]], [place, place], color=colour, linewidth=1.8)
        face = colour if settled else "white"
        axes.plot([100 * entry["mean"]], [place], marker="o", markersize=7, color=colour, markerfacecolor=face)
    axes.axvline(0.0, color=INK, linewidth=1.0)
    axes.set_yticks(range(len(differences)), [_label(entry) for entry in differences])
    axes.set_ylim(len(differences) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))
    pairs = sorted({entry["pairs"] for entry in differences})
    count = f"{pairs[0]}" if len(pairs) == 1 else f"{pairs[0]} to {pairs[-1]}"
    axes.set(title=f"{title}, points; 95 % intervals over {count} paired seeds", xlabel="points")
    return figure


def _label(entry: Mapping[str, Any]) -> str:
    where = ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else str(value)
        for name, value in entry.items()
        if name not in _FIELDS and value != ""
    )
    return f"{entry['first']} - {entry['second']}" + (f"  ({where})" if where else "")
