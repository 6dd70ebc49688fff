"""Summaries that turn any number of layers or units into a fixed number of finite figures."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


def mean_low_high(prefix: str, values: Floats) -> dict[str, float]:
    """Return the mean, the smallest and the largest of (n,) values, n >= 1."""
    return {
        f"{prefix}_mean": float(values.mean()),
        f"{prefix}_min": float(values.min()),
        f"{prefix}_max": float(values.max()),
    }


def thirds(prefix: str, values: Floats) -> dict[str, float]:
    """Return the means over the first, middle and last third of the layers, by the part of each layer's index range.

    Layer l of n covers [l / n, (l + 1) / n] of the depth; each third is the mean over what covers it, so that
    networks of one or two layers have all three.
    """
    edges = np.linspace(0.0, 1.0, len(values) + 1)
    sums = np.concatenate([[0.0], np.cumsum(values / len(values))])
    at = np.interp([0.0, 1 / 3, 2 / 3, 1.0], edges, sums)
    return {f"{prefix}_third{i + 1}": float(3 * part) for i, part in enumerate(np.diff(at))}


def variation(values: Floats) -> float:
    """Return the standard deviation over the mean of values >= 0; 0 if all are 0."""
    mean = float(values.mean())
    return float(values.std()) / mean if mean > 0 else 0.0


def share_entropy(values: Floats) -> float:
    """Return -sum q ln q / ln n of the shares q of (n,) values >= 0, in [0, 1]; 1 for one value, 0 if all are 0."""
    if len(values) == 1 or values.sum() == 0:
        return float(len(values) == 1)
    shares = values[values > 0] / values.sum()
    return float(-(shares * np.log(shares)).sum() / np.log(len(values)))
