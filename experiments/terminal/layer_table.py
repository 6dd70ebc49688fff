"""The table of a masked network, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from rich.table import Table

from experiments.layers import LayerFacts, layer_facts
from experiments.networks import Subject
from experiments.report.words import count, share, short_count
from experiments.terminal.tables import new_table
from pruning import MaskSet

T = TypeVar("T")


def layer_rows(subject: Subject, masks: MaskSet) -> list[LayerFacts]:
    """Return the facts of each layer of the masked network."""
    return layer_facts(subject.module, masks, subject.signature.input_shape)


def layer_table(title: str, rows: Sequence[LayerFacts], width: int) -> Table:
    """Return the table: shape, kept weights, density, units cut off, multiply-adds; totals at the end.

    Without the shapes where the terminal has fewer than 100 columns.
    """
    hidden = {1} if width < 100 else set()
    columns = [
        ("layer", "left"), ("shape", "left"), ("kept", "right"), ("of", "right"), ("density", "right"),
        ("dead in", "right"), ("dead out", "right"), ("mult-adds", "right"),
    ]  # fmt: skip
    table = new_table(title, _without(columns, hidden))
    for row in rows:
        cells = (
            row.name.removesuffix(".weight"), "x".join(map(str, row.shape)), count(row.kept), count(row.total),
            share(row.kept / row.total), _dead(row.dead_inputs, row.inputs), _dead(row.dead_outputs, row.outputs),
            short_count(row.multiply_adds),
        )  # fmt: skip
        table.add_row(*_without(cells, hidden))
    table.add_section()
    kept, total = sum(row.kept for row in rows), sum(row.total for row in rows)
    cells = (
        "total", "", count(kept), count(total), share(kept / total), str(sum(row.dead_inputs for row in rows)),
        str(sum(row.dead_outputs for row in rows)), short_count(sum(row.multiply_adds for row in rows)),
    )  # fmt: skip
    table.add_row(*_without(cells, hidden), style="bold")
    return table


def _without(cells: Sequence[T], hidden: set[int]) -> list[T]:
    return [cell for index, cell in enumerate(cells) if index not in hidden]


def _dead(dead: int, units: int) -> str:
    return f"{dead}/{units}" if dead else "0"
