"""One look for all figures: ink, colours that colour-blind readers tell apart, and plain axes. No pyplot."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

INK = "#1f2328"
MUTED = "#6b7280"
RULE = "#d9dde3"
GRID = "#eceff3"
ACCENT = "#0b5cad"
BEST = "#c2410c"
FAILED = "#9a3412"

# Okabe and Ito's palette (2008) without yellow and black, and a marker each, so that no colour stands alone.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#6b7280")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 11,
    "axes.titlesize": 11.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 1.0,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "xtick.major.pad": 6,
    "ytick.major.pad": 6,
    "legend.frameon": False,
    "legend.fontsize": 10.5,
    "legend.handletextpad": 0.4,
    "legend.columnspacing": 1.4,
    "svg.fonttype": "path",
    "svg.hashsalt": "sparsenas",
}

PIXELS_PER_INCH = 72.0
"""Figures are laid out in CSS pixels: at 72 dots an inch one typographic point is one pixel."""


def new_figure(width: float, height: float, columns: int = 1, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """Return a figure of `width` x `height` pixels and its axes in reading order. Drawn inside `render`."""
    inches = (width / PIXELS_PER_INCH, height / PIXELS_PER_INCH)
    engine = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, wspace=0.06, hspace=0.06)
    figure = Figure(figsize=inches, dpi=PIXELS_PER_INCH, layout=engine)
    grid = figure.subplots(rows, columns, squeeze=False)
    return figure, [axes for row in grid for axes in row]


def render(draw: Callable[[], Figure], kind: Literal["svg", "png"], scale: float = 2.0) -> bytes:
    """Return what `draw` draws as an SVG without date or author, or as a PNG with `scale` dots per pixel."""
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure = draw()
        if kind == "svg":
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        else:
            figure.savefig(buffer, format="png", dpi=PIXELS_PER_INCH * scale)
    return buffer.getvalue()


def looks(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return name -> (colour, marker), in the names' order; beyond seven names the last look is shared."""
    last = len(COLOURS) - 1
    return {name: (COLOURS[min(i, last)], MARKERS[min(i, last)]) for i, name in enumerate(names)}


def only_rows(axes: Axes) -> None:
    """Keep horizontal grid lines only."""
    axes.grid(False, axis="x", which="both")
