"""A benchmark's rows and conclusions for the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.table import Table as RichTable
from rich.text import Text

from experiments.benchmarks.table import Table

MOST_ROWS = 20


def bench_table(table: Table) -> Group:
    """Return the protocol, at most 20 rows, and the summary, one line for each figure."""
    grid = RichTable(box=None, header_style="dim", pad_edge=False)
    for column in table.rows[0]:
        grid.add_column(column.replace("_", " "), justify="left" if isinstance(table.rows[0][column], str) else "right")
    for row in table.rows[:MOST_ROWS]:
        grid.add_row(*(_shown(value) for value in row.values()))
    more = len(table.rows) - MOST_ROWS
    parts: list[Any] = [Text(f"{table.name}: {table.protocol}", style="bold"), grid]
    if more > 0:
        parts.append(Text(f"... and {more} more rows in the CSV file", style="dim"))
    parts.extend(Text(f"{name.replace('_', ' ')}: {_shown(value)}") for name, value in table.summary.items())
    return Group(*parts)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items())
    if isinstance(value, list):
        return f"{len(value)} entries, in the JSON file"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
