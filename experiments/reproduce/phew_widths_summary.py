"""Means over seeds with intervals, paired differences from PHEW, and whether the finding holds at each density."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from experiments.benchmarks.paired import paired_difference

if TYPE_CHECKING:
    from experiments.reproduce.phew_widths import Row

COMPARED = ("width", "least_width", "log_kernel")


def summarised(rows: Sequence[Row]) -> dict[str, Any]:
    """Return PHEW minus every other method, paired by seed, and for each network whether the finding holds.

    "findings" gives for each network the densities at which PHEW's layers are wider than SynFlow-L2's (interval
    above zero), and the least and the largest difference of the traces' logarithms, in decades.
    """
    differences = []
    for network, density in dict.fromkeys((row.network, row.density) for row in rows):
        at = {(row.method, row.seed): row for row in rows if (row.network, row.density) == (network, density)}
        methods = dict.fromkeys(method for method, _ in at)
        for other in (method for method in methods if method != "phew"):
            differences += [_difference(at, network, density, other, figure) for figure in COMPARED]
    return {"findings": {net: _finding(differences, net) for net in _of(rows)}, "phew_minus": differences}


def _of(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.network for row in rows))


def _finding(differences: Sequence[dict[str, Any]], network: str, other: str = "synflow_l2") -> dict[str, Any]:
    mine = [entry for entry in differences if (entry["network"], entry["other"]) == (network, other)]
    wider = [entry["density"] for entry in mine if entry["figure"] == "width" and entry.get("low", 0.0) > 0]
    decades = [entry["mean"] for entry in mine if entry["figure"] == "log_kernel" and entry["mean"] is not None]
    return {
        f"wider_than_{other}_at": ", ".join(f"{density:g}" for density in wider),
        "kernel_decades_least": min(decades, default=None),
        "kernel_decades_most": max(decades, default=None),
    }


def _difference(
    at: dict[tuple[str, int], Row], network: str, density: float, other: str, figure: str
) -> dict[str, Any]:
    seeds = sorted(seed for method, seed in at if method == "phew")
    ours, theirs = ([getattr(at[method, seed], figure) for seed in seeds] for method in ("phew", other))
    said: dict[str, Any] = {"network": network, "density": density, "other": other, "figure": figure}
    if not np.isfinite([*ours, *theirs]).all():
        return said | {"mean": None}
    if len(seeds) < 2:
        return said | {"mean": ours[0] - theirs[0]}
    return said | asdict(paired_difference(ours, theirs))


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Return the mean and Student's t interval; for fewer than two or infinite values, the mean three times."""
    array = np.asarray(values, dtype=float)
    mean = float(array.mean())
    if len(array) < 2 or not np.isfinite(array).all():
        return mean, mean, mean
    half = float(stats.t.ppf(0.5 + confidence / 2, len(array) - 1)) * float(array.std(ddof=1)) / math.sqrt(len(array))
    return mean, mean - half, mean + half
