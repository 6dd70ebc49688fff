"""The picture of `bench search`: mean regret over queries, guided strategies against the same alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.report.figures.canvas import MUTED, looks, new_figure, only_rows, render

FIRST, LAST = 10, 300


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the figure as a PNG."""
    path.write_bytes(render(lambda: _figure(rows), "png"))


def _figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    data_sets = list(dict.fromkeys(row["data_set"] for row in rows))
    figure, panels = new_figure(520.0 * len(data_sets), 440.0, columns=len(data_sets))
    competing = max((row["guide"] for row in rows), key=len)  # the arm in which guides compete
    guided = {row["strategy"] for row in rows if row["guide"] == competing}
    colours = looks(sorted(guided))
    for axes, data_set in zip(panels, data_sets, strict=True):
        floor = min(row["regret"] for row in rows if row["data_set"] == data_set)
        for strategy in sorted(guided):
            for guide in ("", competing):
                _curve(
                    axes,
                    [r for r in rows if (r["data_set"], r["strategy"], r["guide"]) == (data_set, strategy, guide)],
                    colours[strategy][0],
                    strategy.replace("_", " ") if guide else None,
                    "-" if guide else (0, (4, 2)),
                )
        if floor > 0:
            axes.axhline(floor, color=MUTED, linewidth=0.8)
            axes.text(LAST, floor * 0.96, "the best-validation network", color=MUTED, ha="right", va="top", fontsize=9)
        axes.set(title=data_set, xlabel="trained networks", yscale="log", xlim=(FIRST, LAST), xscale="log")
        axes.set_xticks([10, 20, 50, 100, 200, 300], labels=["10", "20", "50", "100", "200", "300"])
        axes.minorticks_off()
        only_rows(axes)
    panels[0].set_ylabel("mean test regret (points)")
    panels[0].legend(loc="lower left", title="solid: guided, dashed: alone")
    return figure


def _curve(axes: Any, rows: Sequence[Mapping[str, Any]], colour: str, label: str | None, style: Any) -> None:
    if not rows:
        return
    queries, mean, error = (np.array([row[key] for row in rows]) for key in ("queries", "regret", "regret_error"))
    axes.plot(queries, mean, color=colour, label=label, linestyle=style, linewidth=1.8)
    axes.fill_between(queries, np.maximum(mean - error, 1e-3), mean + error, color=colour, alpha=0.15, linewidth=0)
