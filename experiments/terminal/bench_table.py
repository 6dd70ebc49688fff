"""A benchmark's rows and conclusions for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table as RichTable
from rich.text import Text

from experiments.benchmarks.table import Table

MOST_ROWS = 20

_FEW = 8
_FEW_ROWS = 4


def bench_table(table: Table, width: int) -> Group:
    """Return the protocol, at most 20 rows, and the summary: a line for each figure, a grid for each list of rows.

    Args:
        table: what was measured.
        width: of the terminal, in characters; a grid that is wider shows fewer digits, or stands on its side if its
            rows are few.
    """
    parts: list[Any] = [Text(f"{table.name}: {table.protocol}", style="bold"), *_grid(table.rows, "CSV", width)]
    for name, value in table.summary.items():
        title = name.replace("_", " ")
        if _is_rows(value):
            parts += [Text(f"\n{title}", style="bold"), *_grid(value, "JSON", width)]
        else:
            parts.append(Text(f"{title}: {_shown(value)}"))
    return Group(*parts)


def _grid(rows: Sequence[Mapping[str, Any]], where: str, width: int) -> list[Any]:
    """Return at most 20 rows side by side, and how many more there are in which file."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    for digits in (4, 3, 2):
        cells = [[_shown(row.get(name), digits) for name in names] for row in rows[:MOST_ROWS]]
        heads = [max(map(len, name.split("_"))) for name in names]
        widths = [max(head, *map(len, column)) for head, column in zip(heads, zip(*cells, strict=True), strict=True)]
        if sum(widths) + 2 * len(widths) <= width:
            break
    else:
        if len(rows) <= _FEW_ROWS:
            return [_on_its_side(rows, names)]
    grid = RichTable(box=None, header_style="dim", pad_edge=False, padding=(0, 1))
    for name, column in zip(names, zip(*cells, strict=True), strict=True):
        text = any(isinstance(row.get(name), str) for row in rows)
        heading = name.replace("_", "\n")  # a column that may not wrap would not wrap its heading either
        longest = max((len(word) for cell in column for word in cell.split()), default=0)
        grid.add_column(heading, justify="left" if text else "right", no_wrap=not text, min_width=longest)
    for row in cells:
        grid.add_row(*row)
    more = len(rows) - MOST_ROWS
    return [grid, *([Text(f"... and {more} more rows in the {where} file", style="dim")] if more > 0 else [])]


def _on_its_side(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> RichTable:
    """Return a line for each column, and a column for each row."""
    grid = RichTable(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    grid.add_column(style="dim")
    for _ in rows:
        grid.add_column(justify="right")
    for name in names:
        grid.add_row(name.replace("_", " "), *(_shown(row.get(name)) for row in rows))
    return grid


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(isinstance(item, Mapping) for item in value)


def _shown(value: Any, digits: int = 4) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items())
    if isinstance(value, list):
        short = len(value) <= _FEW
        return ", ".join(map(_shown, value)) if short else f"{len(value)} entries, in the JSON file"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
