"""The picture of `bench fidelity`: the best fully trained network over the time spent, one line for each search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from experiments.report.figures.canvas import ACCENT, MUTED, new_figure, only_rows, render

TIMES, ERRORS = (1, 2, 5, 10, 20, 50), (1, 2, 5, 10, 20, 50)
Row = Mapping[str, Any]


def draw(rows: Sequence[Row], arms: tuple[str, str], epochs: int, path: Path) -> None:
    """Write the figure as a PNG; a network is fully trained after `epochs`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(render(lambda: _figure(rows, arms, epochs), "png"))


def _figure(rows: Sequence[Row], arms: tuple[str, str], epochs: int) -> Figure:
    figure, (axes,) = new_figure(620.0, 400.0)
    for arm, colour in zip(arms, (MUTED, ACCENT), strict=True):
        for index, seed in enumerate(sorted({row["seed"] for row in rows})):
            times, errors = _steps([row for row in rows if (row["arm"], row["seed"]) == (arm, seed)], epochs)
            label = arm if index == 0 else None
            axes.step(times, errors, where="post", color=colour, linewidth=1.3, alpha=0.85, label=label)
            axes.plot(times[-1], errors[-1], marker="o", color=colour, markersize=6)
    axes.set(xscale="log", yscale="log", xlabel="CPU seconds of training")
    axes.set_ylabel("validation error of the best so far (%)")
    axes.minorticks_off()
    axes.set_xticks(TIMES, labels=[str(tick) for tick in TIMES])
    axes.set_yticks(ERRORS, labels=[str(tick) for tick in ERRORS])
    axes.legend(loc="upper right")
    only_rows(axes)
    return figure


def _steps(rows: Sequence[Row], epochs: int) -> tuple[list[float], list[float]]:
    """Return when the best changed and its error in percent, from the first network trained to the end."""
    spent, best = 0.0, 0.0
    times, errors = [], []
    for row in rows:
        spent += row["cpu_seconds"]
        if row["epochs"] == epochs and row["val_accuracy"] != "":
            best = max(best, float(row["val_accuracy"]))
        if best > 0.0:
            times.append(spent)
            errors.append(100.0 * (1.0 - best))
    return times, errors
