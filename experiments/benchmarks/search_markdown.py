"""The tables of `bench search` as Markdown, as they stand on the page of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MARKS = (20, 50, 75, 100, 150, 300)
"""Numbers of queries that have a column."""


def tables(rows: Sequence[Mapping[str, Any]], usual: str) -> str:
    """Return one table for each data set, one line for each arm: runs, then regret ± error / share found at `MARKS`.

    Args:
        rows: of the benchmark, or of its CSV: text will do.
        usual: the acquisition that a guide's name does not mention.
    """
    data_sets = dict.fromkeys(row["data_set"] for row in rows)
    return "\n".join(_table(name, [row for row in rows if row["data_set"] == name], usual) for name in data_sets)


def _table(data_set: str, rows: Sequence[Mapping[str, Any]], usual: str) -> str:
    arms: dict[tuple[str, str, str], dict[int, Mapping[str, Any]]] = {}
    for row in rows:
        arms.setdefault((row["strategy"], row["guide"], row["acquisition"]), {})[int(row["queries"])] = row
    lines = [
        f"**{data_set}**",
        "",
        f"| strategy | guide | runs | {' | '.join(map(str, MARKS))} |",
        "|---|---|---|" + "---|" * len(MARKS),
        *(_line(*arm, found, usual) for arm, found in arms.items()),
    ]
    return "\n".join(lines) + "\n"


def _line(strategy: str, guide: str, acquisition: str, found: Mapping[int, Mapping[str, Any]], usual: str) -> str:
    guidance = ", ".join(filter(None, (guide or "none", "" if acquisition == usual else acquisition)))
    runs = next(iter(found.values()))["runs"]
    cells = [_cell(found[mark]) if mark in found else "–" for mark in MARKS]
    return f"| {' | '.join([strategy.replace('_', ' '), guidance.replace('_', ' '), str(runs), *cells])} |"


def _cell(row: Mapping[str, Any]) -> str:
    regret, error, share = (float(row[key]) for key in ("regret", "regret_error", "found"))
    return f"{regret:.3f} ± {error:.3f} / {share:.2f}"
