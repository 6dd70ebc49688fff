"""How well the screen's expectations agreed with the measurements: the three figures under the scatter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.report.summary import RunSummary


@dataclass(frozen=True, slots=True)
class Agreement:
    """Over the screened, finished trials. `spearman` is None with fewer than three or without any spread;
    `covered` is the share whose measurement fell into its interval, None without intervals.
    """

    count: int
    mean_absolute_error: float
    spearman: float | None
    covered: float | None


def agreement(summary: RunSummary) -> Agreement | None:
    """Return the agreement, or None if no screened trial finished."""
    pairs = [(t.expected, t.accuracy) for t in summary.finished if t.expected and t.accuracy is not None]
    if not pairs:
        return None
    expected = np.array([expectation.accuracy for expectation, _ in pairs])
    measured = np.array([accuracy for _, accuracy in pairs])
    inside = [e.lower <= a <= e.upper for e, a in pairs if e.lower is not None and e.upper is not None]
    return Agreement(
        count=len(pairs),
        mean_absolute_error=float(np.abs(expected - measured).mean()),
        spearman=_spearman(expected, measured),
        covered=float(np.mean(inside)) if inside else None,
    )


def _spearman(a: np.ndarray, b: np.ndarray) -> float | None:
    from scipy.stats import spearmanr

    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(spearmanr(a, b).statistic)
