"""What the noise of training leaves to be predicted."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from predictors.metrics import agreement
from predictors.models.model import Floats


def noise_ceiling(y: Floats, keys: Sequence[Hashable], rng: np.random.Generator, draws: int = 20) -> dict[str, float]:
    """Return what a predictor that knew every network's expected accuracy would reach; {} without repeats.

    Rows of one key are trainings of one network. With s^2 the pooled variance within keys:

    - r2 = 1 - s^2 / variance of y; mae = s sqrt(2 / pi).
    - spearman, kendall: the key means, shrunk towards each other by their own noise, are taken for the truth; their
      agreement with truth + N(0, s^2), mean of `draws` simulations. Noise is taken to be alike everywhere.
    - repeats: rows whose network was trained more than once.

    It is an estimate, not a bound: a predictor may be lucky on given rows.
    """
    numbers: dict[Hashable, int] = {}
    group = np.array([numbers.setdefault(key, len(numbers)) for key in keys])
    sizes = np.bincount(group)
    means = np.bincount(group, y) / sizes
    freedom = len(y) - len(sizes)
    if freedom == 0 or float(np.var(y)) == 0.0:
        return {}
    noise = float(((y - means[group]) ** 2).sum()) / freedom
    scatter = max(float(np.var(means, ddof=1)) - noise * float(np.mean(1.0 / sizes)), 0.0) if len(means) > 1 else 0.0
    kept = scatter / (scatter + noise / sizes) if scatter > 0 else np.zeros(len(sizes))
    # the mean of shrunk means has too little spread; bring it back to the estimated scatter
    shrunk = means.mean() + np.sqrt(kept) * (means - means.mean())
    truth = shrunk[group]
    simulated = [agreement(truth + np.sqrt(noise) * rng.normal(size=len(y)), truth) for _ in range(draws)]
    return {
        "r2": max(0.0, 1.0 - noise / float(np.var(y))),
        "mae": float(np.sqrt(2.0 * noise / np.pi)),
        "spearman": float(np.mean([found["spearman"] for found in simulated])),
        "kendall": float(np.mean([found["kendall"] for found in simulated])),
        "repeats": int((sizes[group] > 1).sum()),
    }
