"""How dense each layer of the best network is, from input to output."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from experiments.report.figures.canvas import ACCENT, INK, MUTED, RULE, new_figure
from experiments.report.summary import Layer
from experiments.report.words import share, short_count

ROW = 24.0


def layers(rows: Sequence[Layer], width: float) -> Figure:
    """Return horizontal bars, the first layer on top, each with its density and kept of total weights."""
    figure, (axes,) = new_figure(width, 56.0 + ROW * len(rows))
    positions = list(range(len(rows)))
    axes.barh(positions, [1.0] * len(rows), height=0.62, color="#f3f5f8", zorder=1)
    axes.barh(positions, [row.density for row in rows], height=0.62, color=ACCENT, zorder=2)
    for position, row in zip(positions, rows, strict=True):
        axes.text(
            1.055 if width >= 640 else 1.24,
            position,
            share(row.density),
            va="center",
            ha="right",
            fontsize=10.5,
            color=INK,
        )
        if width >= 640:
            words = f"{short_count(row.kept)} of {short_count(row.total)}"
            axes.text(1.19, position, words, va="center", ha="right", fontsize=10.5, color=MUTED)
    total = sum(row.total for row in rows)
    overall = sum(row.kept for row in rows) / total if total else 0.0
    axes.axvline(overall, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=3)
    axes.set_yticks(positions, [short_name(row.name, 34 if width >= 640 else 20) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f}\u202f%"))
    axes.grid(False)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.set_xlabel("kept weights; dashed: the whole network")
    return figure


def short_name(name: str, length: int) -> str:
    """Return a parameter's name without ".weight", its middle left out if it is longer than `length`."""
    name = name.removesuffix(".weight")
    half = (length - 1) // 2
    return name if len(name) <= length else f"{name[:half]}…{name[-half:]}"
