"""How well predictions agree with measured accuracies."""

from __future__ import annotations

import numpy as np
from scipy import stats

from predictors.models.model import Floats


def agreement(measured: Floats, predicted: Floats) -> dict[str, float]:
    """Return r2, mae, spearman and kendall (tau-b) of (n,) predictions, n >= 2; a rank figure without order is 0.

    r2 = 1 - sum (y - p)^2 / sum (y - mean y)^2, negative when the mean would have done better.
    """
    errors = measured - predicted
    scatter = float(((measured - measured.mean()) ** 2).sum())
    ordered = float(np.ptp(measured)) > 0 and float(np.ptp(predicted)) > 0
    return {
        "r2": 1.0 - float((errors**2).sum()) / scatter if scatter > 0 else 0.0,
        "mae": float(np.abs(errors).mean()),
        "spearman": float(stats.spearmanr(measured, predicted).statistic) if ordered else 0.0,
        "kendall": float(stats.kendalltau(measured, predicted).statistic) if ordered else 0.0,
    }


def top_regret(measured: Floats, predicted: Floats, share: float = 0.1) -> float:
    """Return how far the best network among those predicted to be the best `share` (one at least) is from the best."""
    count = max(1, round(share * len(measured)))
    chosen = np.argsort(-predicted, kind="stable")[:count]
    return float(measured.max() - measured[chosen].max())
