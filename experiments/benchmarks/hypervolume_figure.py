"""The picture of `bench hypervolume`: the share dominated over trials, and what each pair of searches differs by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.report.figures.canvas import MUTED, looks, new_figure, only_rows, render

Shares = Mapping[str, NDArray[np.float64]]
"""Arm -> (seeds, trials)."""


def draw(shares: Shares, path: Path) -> None:
    """Write the figure as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(render(lambda: _figure(shares), "png"))


def _figure(shares: Shares) -> Figure:
    figure, (left, right) = new_figure(1000.0, 400.0, columns=2)
    styles = looks(list(shares))
    for arm, values in shares.items():
        mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
        trials = np.arange(1, values.shape[1] + 1)
        left.plot(trials, mean, color=styles[arm][0], label=arm, linewidth=1.8)
        left.fill_between(trials, mean - error, mean + error, color=styles[arm][0], alpha=0.15, linewidth=0)
    left.set(title="share dominated, mean and standard error", xlabel="trials", xlim=(1, trials[-1]))
    left.legend(loc="lower right")
    only_rows(left)
    _pairs(right, shares, styles)
    return figure


def _pairs(axes: Any, shares: Shares, styles: Mapping[str, tuple[str, str]]) -> None:
    """Draw, for each arm but the first, the first one's lead at the end: a mark for each seed, a bar for the mean."""
    first, *others = shares
    for place, arm in enumerate(others):
        lead = np.sort(shares[first][:, -1] - shares[arm][:, -1])
        across = place + np.linspace(-0.2, 0.2, len(lead))
        axes.plot(across, lead, linestyle="none", color=styles[arm][0], marker=styles[arm][1], markersize=6)
        axes.hlines(lead.mean(), place - 0.3, place + 0.3, color=styles[arm][0], linewidth=1.8)
    axes.axhline(0.0, color=MUTED, linewidth=0.8)
    axes.set_xticks(range(len(others)), [f"over {arm}" for arm in others])
    axes.set(title=f"lead of {first} at the end, each seed and mean")
    only_rows(axes)
