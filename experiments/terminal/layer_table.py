"""The table of a masked network, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.table import Table

from experiments.layers import LayerRow
from experiments.report.words import count, share, short_count
from experiments.terminal.tables import new_table


@dataclass(frozen=True)
class _Column:
    """A heading, a row's cell, the cell of the totals, and the terminal's width from which it is shown."""

    heading: str
    cell: Callable[[LayerRow], str]
    total: Callable[[Sequence[LayerRow]], str] = lambda _: ""
    justify: str = "right"
    from_width: int = 0


_WIRING = (
    _Column(
        "effective", lambda r: _share(r.effective, r.total), lambda rows: _share(_sum(rows, "effective"), _all(rows))
    ),
    _Column("dead in", lambda r: _dead(r.dead_inputs, r.inputs), lambda rows: _number(_sum(rows, "dead_inputs"))),
    _Column("dead out", lambda r: _dead(r.dead_outputs, r.outputs), lambda rows: _number(_sum(rows, "dead_outputs"))),
    _Column("mult-adds", lambda r: short_count(r.multiply_adds), lambda rows: short_count(_sum(rows, "multiply_adds"))),
)
_ISOMETRY = (
    _Column("s mean", lambda r: _real(r.mean)),
    _Column("s cond.", lambda r: _real(r.condition), from_width=110),
    _Column("departure", lambda r: _real(r.departure)),
)
_COLUMNS = (
    _Column("layer", lambda r: r.name.removesuffix(".weight"), lambda _: "total", "left"),
    _Column("shape", lambda r: "x".join(map(str, r.shape)), justify="left", from_width=110),
    _Column("kept", lambda r: count(r.kept), lambda rows: count(sum(r.kept for r in rows))),
    _Column("of", lambda r: count(r.total), lambda rows: count(_all(rows)), from_width=95),
    _Column("density", lambda r: share(r.density), lambda rows: share(sum(r.kept for r in rows) / _all(rows))),
    *_WIRING,
)


def layer_table(title: str, rows: Sequence[LayerRow], width: int, *, with_isometry: bool = False) -> Table:
    """Return the table: shape, kept weights, density, what is cut off, multiply-adds; totals at the end.

    Args:
        title: of the table.
        rows: the layers.
        width: of the terminal; narrow ones get fewer columns.
        with_isometry: also the mean and the condition of each layer's singular values and its departure.
    """
    room = width - (30 if with_isometry else 0)  # what the three columns of isometry take
    columns = [c for c in _COLUMNS if room >= c.from_width]
    columns += [c for c in _ISOMETRY if with_isometry and width >= c.from_width]
    table = new_table(title, [(column.heading, column.justify) for column in columns])
    for row in rows:
        table.add_row(*(column.cell(row) for column in columns))
    table.add_section()
    table.add_row(*(column.total(rows) for column in columns), style="bold")
    return table


def _all(rows: Sequence[LayerRow]) -> int:
    return sum(row.total for row in rows)


def _sum(rows: Sequence[LayerRow], name: str) -> int | None:
    values = [getattr(row, name) for row in rows]
    return None if None in values else sum(values)


def _share(part: int | None, total: int) -> str:
    return "–" if part is None else share(part / total)


def _number(value: int | None) -> str:
    return "–" if value is None else count(value)


def _dead(dead: int | None, units: int | None) -> str:
    return "–" if dead is None else f"{dead}/{units}" if dead else "0"


def _real(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
