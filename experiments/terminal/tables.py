"""The tables that commands end with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from experiments.report.summary import RunSummary
from experiments.report.words import count, measure, percent, share, short_count, title


def new_table(title: str, columns: Sequence[tuple[str, str]]) -> Table:
    """Return an empty table; a column is (heading, "left" or "right")."""
    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, justify in columns:
        right = justify == "right"
        made.add_column(heading, justify="right" if right else "left", no_wrap=right, overflow="fold", min_width=6)
    return made


def front_table(summary: RunSummary, limit: int = 12) -> Table:
    """Return the Pareto front, most accurate first; its middle is thinned out beyond `limit` rows."""
    columns = [
        ("trial", "right"), ("val accuracy", "right"), ("kept", "right"), ("density", "right"),
        ("multiply-adds", "right"), *((title(name), "right") for name in summary.measured),
        ("method", "left"), ("allocation", "left"),
    ]  # fmt: skip
    front = summary.front
    shown = _thinned(len(front), limit)
    heading = "Pareto front" if len(shown) == len(front) else f"Pareto front ({len(shown)} of {len(front)} networks)"
    made = new_table(heading, columns)
    best = summary.best.trial if summary.best else None
    for index in shown:
        trial = front[index]
        cells = (
            str(trial.number), percent(trial.accuracy, 2), count(trial.kept), share(trial.achieved_density),
            short_count(trial.multiply_adds), *(measure(name, trial.value(name)) for name in summary.measured),
            trial.method, trial.allocation,
        )  # fmt: skip
        made.add_row(*cells, style="bold" if trial.number == best else None)
    return made


def places_panel(title: str, places: Mapping[str, str]) -> Panel:
    """Return a panel of "what: where" lines."""
    width = max(len(name) for name in places)
    text = Text("\n".join(f"{name:<{width}}  {where}" for name, where in places.items()), overflow="fold")
    return Panel(text, title=title, title_align="left", box=box.ROUNDED, border_style="dim", expand=False)


def _thinned(count: int, limit: int) -> list[int]:
    if count <= limit:
        return list(range(count))
    return sorted({round(i * (count - 1) / (limit - 1)) for i in range(limit)})
