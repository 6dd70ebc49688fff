"""Evolution against chance: the accuracy that kept weights buy, and the paired differences of the seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from scipy import stats

from experiments.benchmarks.paired import paired_difference
from experiments.report.figures.canvas import MUTED, looks, new_figure
from experiments.reproduce.reber.evolved.fresh import Judged
from experiments.reproduce.reber.evolved.measures import reached, share
from experiments.reproduce.reber.evolved.summary import BOX, Fronts, fronts_of

LABELS = {
    "evolution": "evolution",
    "random graphs": "random graphs, same nodes, edges, weights",
    "random structures": "random structures, same nodes, weights",
    "same sizes": "search over random graphs of its sizes",
    "random search": "random search",
    "masks drawn again": "its graphs, masks drawn again",
}
_TICKS = (20, 30, 50, 100, 200, 400)


def draw(judged: Sequence[Judged]) -> Figure:
    """Return two panels: mean test accuracy against the budget with 95 % t bands; differences of the share."""
    fronts = fronts_of(judged)
    seeds = sorted({row.seed for row in judged})
    figure, (left, right) = new_figure(1180.0, 470.0, columns=2)
    _accuracies(left, fronts, seeds)
    _differences(right, fronts, seeds)
    return figure


def _accuracies(axes: Axes, fronts: Fronts, seeds: Sequence[int]) -> None:
    budgets = np.geomspace(*BOX, 200)
    for arm, (colour, _) in looks(list(LABELS)).items():
        if arm == "masks drawn again":
            continue
        values = np.array([[reached(fronts[arm, seed], budget) for budget in budgets] for seed in seeds])
        mean, half = values.mean(0), stats.t.ppf(0.975, len(seeds) - 1) * stats.sem(values, axis=0)
        axes.plot(budgets, mean, color=colour, linewidth=1.8, label=LABELS[arm])
        if arm in ("evolution", "random graphs"):
            axes.fill_between(budgets, mean - half, mean + half, color=colour, alpha=0.15, linewidth=0)
    axes.set_xscale("log")
    axes.set_ylim(0.48, 1.01)
    axes.set_xticks(_TICKS, [str(tick) for tick in _TICKS])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(title="test accuracy on fresh seeds", xlabel="at most so many weights kept", ylabel="accuracy")
    axes.legend(loc="lower right")


def _differences(axes: Axes, fronts: Fronts, seeds: Sequence[int]) -> None:
    shares = {arm: [share(fronts[arm, seed], *BOX) for seed in seeds] for arm in LABELS}
    others = [arm for arm in LABELS if arm != "evolution"]
    styles = looks(list(LABELS))
    for row, arm in enumerate(others):
        colour, marker = styles[arm]
        each = np.subtract(shares["evolution"], shares[arm])
        found = paired_difference(shares["evolution"], shares[arm])
        axes.plot(each, np.full(len(each), row + 0.18), linestyle="", marker=".", color=colour, alpha=0.5)
        axes.plot([found.low, found.high], [row, row], color=colour, linewidth=2.2)
        axes.plot([found.mean], [row], marker=marker, color=colour, markersize=7)
    axes.axvline(0.0, color=MUTED, linewidth=1.0)
    axes.set_yticks(range(len(others)), [LABELS[arm].replace(", same", ",\nsame", 1) for arm in others])
    axes.set_ylim(len(others) - 0.5, -0.5)
    axes.set(title="share of the box: evolution less ...", xlabel="difference, each seed and 95 % interval")
