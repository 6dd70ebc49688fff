"""The picture of `bench search`: regret and share found over queries, guided strategies against the same alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.report.figures.canvas import INK, MUTED, looks, new_figure, only_rows, render

FIRST, LAST = 10, 300
TICKS = (10, 20, 50, 100, 200, 300)
Rows: TypeAlias = Sequence[Mapping[str, Any]]


def draw(rows: Rows, path: Path) -> None:
    """Write the figure as a PNG."""
    path.write_bytes(render(lambda: _figure(rows), "png"))


def _figure(rows: Rows) -> Figure:
    rows = [row for row in rows if row["queries"] >= FIRST]
    data_sets = list(dict.fromkeys(row["data_set"] for row in rows))
    strategies = sorted({row["strategy"] for row in rows}, key=lambda name: (name != "evolution", name))
    colours = {name: look[0] for name, look in looks(strategies).items()}
    figure, panels = new_figure(520.0 * len(data_sets), 720.0, columns=len(data_sets), rows=2)
    for column, data_set in enumerate(data_sets):
        here = [row for row in rows if row["data_set"] == data_set]
        regret, share = panels[column], panels[column + len(data_sets)]
        for strategy in strategies:
            own = [row for row in here if row["strategy"] == strategy]
            guide = _most_run(own)
            _curves(regret, share, [row for row in own if not row["guide"]], colours[strategy], (0, (3, 2)))
            _curves(regret, share, [row for row in own if guide and row["guide"] == guide], colours[strategy], "-")
        _curves(regret, share, [row for row in here if row["guide"] == "trees"], INK, (0, (1, 1)))
        _finish(regret, share, here, data_set)
    panels[0].set_ylabel("mean test regret (points)")
    panels[len(data_sets)].set_ylabel("share of runs that found the best")
    panels[0].legend(
        handles=_legend(colours, any(row["guide"] == "trees" for row in rows)), loc="upper right", fontsize=9.5
    )
    return figure


def _most_run(rows: Rows) -> str:
    """Return the guide that was run most often, trees alone left out: "" if there is none."""
    runs = {row["guide"]: row["runs"] for row in rows if row["guide"] not in ("", "trees")}
    return str(max(runs, key=lambda guide: (runs[guide], len(guide)), default=""))


def _curves(regret: Any, share: Any, rows: Rows, colour: str, style: Any) -> None:
    if not rows:
        return
    queries = np.array([row["queries"] for row in rows])
    for axes, key in ((regret, "regret"), (share, "found")):
        mean, error = (np.array([row[name] for row in rows]) for name in (key, f"{key}_error"))
        axes.plot(queries, mean, color=colour, linestyle=style, linewidth=1.8)
        axes.fill_between(queries, mean - error, mean + error, color=colour, alpha=0.12, linewidth=0)


def _finish(regret: Any, share: Any, rows: Rows, data_set: str) -> None:
    floor = next((row["regret"] for row in rows if row["found"] == 1.0), 0.0)
    if floor > 0:
        regret.axhline(floor, color=MUTED, linewidth=0.8)
    regret.set(title=data_set, ylim=(0.0, None))
    share.set(xlabel="trained networks", ylim=(-0.02, 1.02))
    for axes in (regret, share):
        axes.set(xscale="log", xlim=(FIRST, LAST))
        axes.set_xticks(TICKS, labels=[str(tick) for tick in TICKS])
        axes.minorticks_off()
        only_rows(axes)


def _legend(colours: Mapping[str, str], trees: bool) -> list[Line2D]:
    dotted = [Line2D([], [], color=INK, linestyle=(0, (1, 1)), label="evolution, XGBoost and Thompson")]
    return [
        *(Line2D([], [], color=colour, label=name.replace("_", " ")) for name, colour in colours.items()),
        Line2D([], [], color=MUTED, label="guided"),
        Line2D([], [], color=MUTED, linestyle=(0, (3, 2)), label="alone"),
        *(dotted if trees else ()),
        Line2D([], [], color=MUTED, linewidth=0.8, label="the best-validation network"),
    ]
