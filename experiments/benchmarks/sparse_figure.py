"""How many times as fast as dense: CSR in linear layers, and compacted networks, over densities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from experiments.report.figures.canvas import INK, MARKERS, MUTED, looks, new_figure

if TYPE_CHECKING:
    from experiments.benchmarks.sparse import Row

_DASHES: tuple[Any, ...] = ("solid", (0, (4, 2)))
"""One for each batch size."""


def draw(rows: Sequence[Row]) -> Figure:
    """Return two panels: layers by size and batch, networks by method at their larger batch."""
    figure, (left, right) = new_figure(1120.0, 480.0, columns=2)
    _linear(left, [row for row in rows if row.part == "linear"])
    _networks(right, [row for row in rows if row.part == "networks"])
    return figure


def _linear(axes: Axes, rows: Sequence[Row]) -> None:
    names, batches = (list(dict.fromkeys(getattr(row, key) for row in rows)) for key in ("name", "batch"))
    for name, (colour, marker) in looks(names).items():
        for batch, dashes in zip(batches, _DASHES, strict=False):
            line = sorted(
                (r.density, r.dense_ms / r.csr_ms) for r in rows if (r.name, r.batch) == (name, batch) and r.csr_ms
            )
            x, y = [density for density, _ in line], [ratio for _, ratio in line]
            label = name if batch == batches[0] else None
            axes.plot(x, y, color=colour, marker=marker, markersize=6, linewidth=1.6, linestyle=dashes, label=label)
    _ratios(axes, sorted({row.density for row in rows}))
    axes.set(title="linear layers, CSR", ylabel="times as fast as dense", xlabel="density")
    styles = [
        Line2D([], [], color=MUTED, linestyle=dashes, label=f"batch {batch}")
        for batch, dashes in zip(batches, _DASHES, strict=False)
    ]
    axes.legend(handles=[*axes.get_legend_handles_labels()[0], *styles], loc="upper right")


def _networks(axes: Axes, rows: Sequence[Row]) -> None:
    largest = {row.name: row.batch for row in sorted(rows, key=lambda row: row.batch)}
    left = [row for row in rows if row.connected is not False]  # the speed of a constant is no figure
    shown = [row for row in left if row.batch == largest[row.name] and row.compacted_ms]
    methods = list(dict.fromkeys(row.method for row in shown))
    style = looks(list(dict.fromkeys(row.name for row in shown)))
    for name, (colour, _) in style.items():
        for method, marker in zip(methods, MARKERS, strict=False):
            line = sorted(
                (r.density, r.dense_ms / r.compacted_ms)
                for r in shown
                if (r.name, r.method) == (name, method) and r.compacted_ms
            )
            x, y = [density for density, _ in line], [ratio for _, ratio in line]
            axes.plot(x, y, color=colour, marker=marker, markersize=6, linewidth=1.3, alpha=0.85)
    _ratios(axes, sorted({row.density for row in shown}))
    axes.set(title="networks, compacted, larger batch", xlabel="density")
    handles = [
        Line2D([], [], color=colour, linewidth=2.5, label=f"{name}, batch {largest[name]}")
        for name, (colour, _) in style.items()
    ]
    handles += [
        Line2D([], [], color=MUTED, marker=marker, linestyle="none", label=method)
        for method, marker in zip(methods, MARKERS, strict=False)
    ]
    axes.legend(handles=handles, loc="upper right", ncols=2)


def _ratios(axes: Axes, densities: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.axhline(1.0, color=INK, linewidth=1.2)
    axes.annotate(  # beside the axes: within them it would lie on the lines it is about
        "as fast\nas dense", (1.0, 1.0), (5, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
        color=INK, fontsize=10, va="center", annotation_clip=False,
    )  # fmt: skip
    axes.set_xticks(densities, [f"{density:g}" for density in densities])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low <= t <= high]
    axes.set_yticks(ticks)
