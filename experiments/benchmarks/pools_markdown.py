"""The tables of `bench pools` as Markdown, as they stand on the page of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NAMES = {
    "random": "drawn",
    "guided": "guided",
    "trees": "XGBoost, expected improvement",
    "trees_thompson": "XGBoost, Thompson sampling",
}
"""How the page calls a way to choose."""


def tables(
    rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any], pairs: Sequence[tuple[str, str]], at: int
) -> str:
    """Return one table for each pair of ways: mean regrets by queries, and the paired difference after `at` queries.

    Args:
        rows: of the benchmark.
        summary: "POOL: FIRST minus SECOND at QUERIES" -> mean, low and high of the difference.
        pairs: ways as (first, second).
        at: queries after which the ways are compared.
    """
    return "\n".join(_table(rows, summary, first, second, at) for first, second in pairs)


def _table(rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any], first: str, second: str, at: int) -> str:
    marks = " / ".join(str(mark) for mark in dict.fromkeys(row["queries"] for row in rows))
    lines = [
        f"| list | networks | {NAMES[second]} at {marks} | {NAMES[first]} at {marks} | difference at {at} (95 %) |",
        "|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row["pool"] for row in rows):
        own = [row for row in rows if row["pool"] == name]
        regrets = (" / ".join(f"{row[f'{way}_regret']:.2f}" for row in own) for way in (second, first))
        gap = summary[f"{name}: {first} minus {second} at {at}"]
        difference = f"{gap['mean']:+.2f} ({gap['low']:+.2f} to {gap['high']:+.2f})"
        lines.append(f"| {name} | {own[0]['networks']} | {' | '.join(regrets)} | {difference} |")
    return "\n".join(lines) + "\n"
