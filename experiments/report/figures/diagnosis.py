"""A masked network layer by layer: what is kept and effective, which units live, how lengths come through."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from experiments.layers import LayerRow
from experiments.report.figures.canvas import ACCENT, BEST, COLOURS, INK, MUTED, RULE, new_figure
from experiments.report.figures.layers import short_name
from experiments.report.words import share

ROW = 19.0
_PALE = "#bcd4ec"
_INPUT, _OUTPUT = COLOURS[2], COLOURS[4]


def diagnosis(rows: Sequence[LayerRow], title: str, gain: float = 1.0, width: float = 1200.0) -> Figure:
    """Return three panels side by side, the first layer on top: densities, living units, singular values."""
    figure, (left, middle, right) = new_figure(width, 130.0 + ROW * len(rows), columns=3)
    places = list(range(len(rows)))
    _densities(left, rows, places)
    _units(middle, rows, places)
    _singular_values(right, rows, places, gain)
    for axes in (left, middle, right):
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_color(RULE)
    left.set_yticks(places, [short_name(row.name, 30) for row in rows])
    for axes in (middle, right):
        axes.set_yticks([])
    for axes, handles in zip((left, middle, right), _handles(), strict=True):
        axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1.02, 1.0), ncols=2, handlelength=1.2)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12.5, color=INK)
    return figure


def _densities(axes: Axes, rows: Sequence[LayerRow], places: list[int]) -> None:
    least = min((row.density for row in rows if row.density > 0), default=1.0)
    floor = min(0.1, 0.3 * least)
    for place, row in zip(places, rows, strict=True):
        axes.barh(place, max(row.density - floor, 0), left=floor, height=0.66, color=_PALE)
        if row.effective is not None:
            axes.barh(place, max(row.effective / row.total - floor, 0), left=floor, height=0.66, color=ACCENT)
    total = sum(row.total for row in rows)
    axes.axvline(sum(row.kept for row in rows) / total, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)))
    axes.set_xscale("log")
    axes.set_xlim(floor, 1.0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: share(value)))
    axes.set_title("Density")


def _units(axes: Axes, rows: Sequence[LayerRow], places: list[int]) -> None:
    known = [(place, row) for place, row in zip(places, rows, strict=True) if row.inputs and row.outputs]
    for offset, colour, alive in (
        (-0.17, _INPUT, [1 - (row.dead_inputs or 0) / (row.inputs or 1) for _, row in known]),
        (0.17, _OUTPUT, [1 - (row.dead_outputs or 0) / (row.outputs or 1) for _, row in known]),
    ):
        axes.barh([place + offset for place, _ in known], alive, height=0.3, color=colour)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f}\u202f%"))
    axes.set_title("Units alive" if known else "Units alive: not known")


def _singular_values(axes: Axes, rows: Sequence[LayerRow], places: list[int], gain: float) -> None:
    known = [(place, row) for place, row in zip(places, rows, strict=True) if row.mean and row.largest]
    floor = 1e-3 * max((row.largest or 0.0 for _, row in known), default=1.0)
    for place, row in known:
        low, mean, high = (max(value or 0.0, floor) for value in (row.smallest, row.mean, row.largest))
        axes.plot([low, high], [place, place], color=_PALE, linewidth=5, solid_capstyle="butt")
        axes.plot([mean], [place], marker="o", markersize=4.5, color=BEST, linestyle="")
    axes.set_xscale("log")
    axes.axvline(gain, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)))
    if known:
        axes.set_xlim(left=floor)
    axes.set_title("Singular values" if known else "Singular values: not known")


def _handles() -> tuple[list[Patch], list[Patch], list[Line2D]]:
    mean = Line2D([], [], marker="o", markersize=4.5, color=BEST, linestyle="", label="mean")
    return (
        [Patch(color=_PALE, label="kept"), Patch(color=ACCENT, label="on a way")],
        [Patch(color=_INPUT, label="that it reads"), Patch(color=_OUTPUT, label="that it writes")],
        [Line2D([], [], color=_PALE, linewidth=5, label="least to largest"), mean],
    )
