"""The table of a predictor's cross-validated figures, beside those of what knows no structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from experiments.terminal.tables import new_table

NAMES = {
    "r2": "R²",
    "mae": "mean abs. error",
    "spearman": "Spearman",
    "kendall": "Kendall",
    "top_regret": "regret, best tenth",
    "partial_r2_beyond_size": "R² beyond size",
    "coverage": "coverage",
    "width": "interval width",
}


def metrics_table(title: str, metrics: Mapping[str, Any], beside: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return one row a metric and one column a predictor; figures are out of fold."""
    others = [(name if "/" in name else name.replace("_", " "), "right") for name in beside]
    table = new_table(title, [("out of fold", "left"), ("fitted", "right"), *others])
    for key, name in NAMES.items():
        if key in metrics:
            table.add_row(name, *(_figure(found.get(key)) for found in (metrics, *beside.values())))
    return table


def evaluation_tables(title: str, figures: Mapping[str, Any]) -> list[Table]:
    """Return the tables of an evaluation: figures beside baselines, groups shuffled, rows left out, ablation."""
    beside = dict(figures["baselines"])
    for name, found in list(figures["single_columns"].items())[:1]:
        beside[f"{name} alone"] = found
    if figures["noise_ceiling"]:
        beside["noise ceiling"] = figures["noise_ceiling"]
    tables = [metrics_table(f"{title}, cross-validated {figures['repeats']} times", figures, beside)]
    if len(figures["importance"]) > 1:
        shuffled = {group: {"R² lost": lost} for group, lost in figures["importance"].items()}
        tables.append(_each("a feature group shuffled", shuffled, ("R² lost",)))
    if figures["by_group"]:
        tables.append(_each("left out", figures["by_group"], ("r2", "mae", "spearman", "kendall")))
    if figures["ablation"]:
        tables.append(_each("R² that a feature group adds, or all others add to it", figures["ablation"], _ABLATION))
    return tables


_ABLATION = ("without", "alone")


def _each(title: str, rows: Mapping[str, Mapping[str, Any]], columns: Sequence[str]) -> Table:
    table = new_table(title, [("", "left"), *((NAMES.get(name, name), "right") for name in columns)])
    for row, found in rows.items():
        table.add_row(row or "no group", *(_figure(found.get(name)) for name in columns))
    return table


def _figure(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
    return "–" if value is None or value != value else f"{value:.3f}"
