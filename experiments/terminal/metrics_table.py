"""The table of a predictor's cross-validated figures, beside those of what knows no structure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from experiments.terminal.tables import new_table

NAMES = {
    "r2": "R²",
    "mae": "mean abs. error",
    "spearman": "Spearman",
    "kendall": "Kendall",
    "coverage": "coverage",
    "width": "interval width",
}


def metrics_table(title: str, metrics: Mapping[str, Any], beside: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return one row a metric and one column a predictor; figures are out of fold."""
    others = [(name.replace("_", " "), "right") for name in beside]
    table = new_table(title, [("out of fold", "left"), ("fitted", "right"), *others])
    for key, name in NAMES.items():
        if key in metrics:
            table.add_row(name, *(_figure(found.get(key)) for found in (metrics, *beside.values())))
    return table


def _figure(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
    return "–" if value is None or value != value else f"{value:.3f}"
