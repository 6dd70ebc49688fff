"""The trials that are being trained now, as a table that fits under a progress bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from experiments.report.words import duration, share
from nas.records import Record

MOST = 12
"""Rows shown; of a cluster's hundreds only those that have run longest."""


@dataclass(frozen=True, slots=True)
class Running:
    """A trial under way: its record and when it started, in seconds of a monotonic clock."""

    record: Record
    since: float


def running_table(running: Sequence[Running], epochs: Sequence[int], now: float) -> Table:
    """Return one row for each running trial, the longest running first.

    Args:
        running: the trials.
        epochs: how many epochs a trial of each rung trains to.
        now: the clock's reading.
    """
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("trial", "density", "pruned by", "to epoch", "attempt", "for"):
        table.add_column(name, justify="left" if name == "pruned by" else "right")
    ordered = sorted(running, key=lambda one: one.since)
    for one in ordered[:MOST]:
        record, sparsity = one.record, one.record.candidate["sparsity"]
        table.add_row(
            str(record.number),
            share(sparsity["density"]),
            f"{sparsity['method']}, {sparsity['allocation']}",
            str(epochs[record.rung]),
            f"{record.attempts}{', half batch' if record.half_batch else ''}",
            duration(now - one.since),
        )
    if len(ordered) > MOST:
        table.add_row("...", "", f"and {len(ordered) - MOST} more")
    return table
