"""What the draws of the NAS-Bench-201 reproduction come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from predictors.evaluation import over_draws

Row = Mapping[str, Any]

PAIRS = (("rank mix", "XGBoost on GRAF"),)


def summarised(rows: Sequence[Row], pairs: Sequence[tuple[str, str]] = PAIRS) -> dict[str, Any]:
    """Return protocol -> method -> training size -> mean, interval over draws and number of draws.

    Under "first - second" stand the paired differences of such methods.
    """
    found: dict[str, Any] = {}
    for protocol in dict.fromkeys(row["protocol"] for row in rows):
        here = [row for row in rows if row["protocol"] == protocol]
        methods: dict[str, Any] = {}
        for method in dict.fromkeys(row["method"] for row in here):
            methods[method] = {
                str(size): _figures([r for r in here if r["method"] == method and r["size"] == size])
                for size in dict.fromkeys(r["size"] for r in here if r["method"] == method)
            }
        for first, second in pairs:
            methods |= _paired(here, first, second)
        found[protocol] = methods
    return found


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    found: dict[str, Any] = {"draws": len(rows)}
    for name in ("kendall", "coverage", "width"):
        values = [row[name] for row in rows if row.get(name) is not None]
        if values:
            found[name] = _interval(values)
    return found


def _paired(rows: Sequence[Row], first: str, second: str) -> dict[str, Any]:
    tau = {(row["method"], row["size"], row["draw"]): row["kendall"] for row in rows}
    found: dict[str, Any] = {}
    for size in dict.fromkeys(row["size"] for row in rows):
        draws = [draw for method, s, draw in tau if method == first and s == size and (second, size, draw) in tau]
        if draws:
            gains = [tau[first, size, draw] - tau[second, size, draw] for draw in draws]
            found[str(size)] = {"draws": len(draws), "kendall": _interval(gains)}
    return {f"{first} - {second}": found} if found else {}


def _interval(values: Sequence[float]) -> dict[str, float | None]:
    interval = over_draws(values)
    ends = (interval.low, interval.high) if len(values) > 1 else (None, None)
    return {"mean": round(interval.mean, 4), "low": _rounded(ends[0]), "high": _rounded(ends[1])}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
