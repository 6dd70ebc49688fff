"""Evolution against random graphs: hypervolume as networks are trained, and every network of every search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray
from scipy import stats

from experiments.report.figures.canvas import looks, new_figure

if TYPE_CHECKING:
    from experiments.reproduce.reber.search import Trained

_LABELS = {"evolution": "evolution", "same sizes": "random graphs of its sizes", "random": "random search"}
_TICKS = (20, 50, 100, 200, 500)


def draw(volumes: Mapping[tuple[str, int], NDArray[np.float64]], rows: Sequence[Trained]) -> Figure:
    """Return two panels: mean dominated share with 95 % t intervals over seeds; accuracy against kept weights."""
    figure, (left, right) = new_figure(1080.0, 420.0, columns=2)
    for arm, (colour, marker) in looks(list(_LABELS)).items():
        runs = [run for (name, _), run in volumes.items() if name == arm]
        values = np.array([run[: min(map(len, runs))] for run in runs])
        mean, across = values.mean(0), np.arange(1, values.shape[1] + 1)
        half = stats.t.ppf(0.975, len(runs) - 1) * values.std(0, ddof=1) / np.sqrt(len(runs))
        left.plot(across, mean, color=colour, linewidth=1.8, label=_LABELS[arm])
        left.fill_between(across, mean - half, mean + half, color=colour, alpha=0.15, linewidth=0)
        kept, accuracies = ([getattr(row, name) for row in rows if row.arm == arm] for name in ("kept", "val_accuracy"))
        right.scatter(kept, accuracies, s=12, marker=marker, color=colour, alpha=0.45, linewidths=0)
    left.set(title="share of the box dominated", xlabel="trained networks", ylabel="share")
    left.legend(loc="lower right")
    right.set_xscale("log")
    right.set_xticks(_TICKS, [str(tick) for tick in _TICKS])
    right.xaxis.set_minor_locator(NullLocator())
    right.set(title="all networks of all seeds", xlabel="kept weights", ylabel="validation accuracy")
    return figure
