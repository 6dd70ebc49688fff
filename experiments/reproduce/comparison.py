"""Means and paired differences of what a reproduction compares: the form its summary, page and figure are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from experiments.benchmarks.paired import paired_difference
from experiments.reproduce.phew_widths_summary import mean_interval

Row = Mapping[str, Any]


def compared(
    rows: Sequence[Row],
    settings: Sequence[str],
    kind: str,
    contrasts: Sequence[tuple[str, str]],
    figure: str = "accuracy",
) -> dict[str, Any]:
    """Return the mean of each kind in each setting with its 95 % interval, and each contrast paired by seed.

    Args:
        rows: one for each seed, setting and kind.
        settings: columns that together say under what conditions kinds are compared. A kind that has no row in a
            setting is taken from where it has exactly one for each seed (dense networks have no density to vary).
        kind: the column that is compared.
        contrasts: (kind, other kind): the first minus the second.
        figure: the column that is measured.

    Returns:
        "means": rows of settings, kind, mean, low, high, seeds; "differences": rows of settings, first, second and the
        fields of `Difference`.
    """
    cells: dict[tuple[Any, ...], dict[str, dict[int, float]]] = {}
    for row in rows:
        place = tuple(row[name] for name in settings)
        cells.setdefault(place, {}).setdefault(row[kind], {})[row["seed"]] = row[figure]
    means, differences = [], []
    for place, kinds in cells.items():
        said = dict(zip(settings, place, strict=True))
        for name, values in kinds.items():
            mean, low, high = mean_interval(list(values.values()))
            means.append({**said, kind: name, "mean": mean, "low": low, "high": high, "seeds": len(values)})
        for first, second in contrasts:
            ours, theirs = kinds.get(first, {}), kinds.get(second) or _only(cells, second)
            shared = sorted(ours.keys() & theirs.keys())
            if len(shared) > 1 and first != second:
                found = paired_difference([ours[s] for s in shared], [theirs[s] for s in shared])
                differences.append({**said, "first": first, "second": second, **asdict(found)})
    return {"means": means, "differences": differences}


def _only(cells: Mapping[tuple[Any, ...], Mapping[str, dict[int, float]]], kind: str) -> dict[int, float]:
    """Return the kind's values if it stands in one setting only."""
    found = [kinds[kind] for kinds in cells.values() if kind in kinds]
    return found[0] if len(found) == 1 else {}
