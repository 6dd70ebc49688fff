"""How a belief becomes a preference: functions of mean, deviation and the best merit so far; the largest value wins."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from scipy import special

from nas.guidance.guide import Floats

Acquisition: TypeAlias = Callable[[Floats, Floats, float, np.random.Generator], Floats]
"""(mean (m,), deviation (m,), best merit, rng) -> value (m,)."""


def expected_improvement(mean: Floats, deviation: Floats, best: float, rng: np.random.Generator) -> Floats:
    """Return E[max(Y - best, 0)] for Y ~ N(mean, deviation^2): (mean - best) Phi(z) + deviation phi(z).

    Where it underflows, minus the distance in deviations takes its place, so that the order is never lost.

    Source: Jones, Schonlau, Welch 1998, Journal of Global Optimization 13, equation 15.
    """
    z = (mean - best) / deviation
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    gain = deviation * (z * special.ndtr(z) + density)  # equation 15
    return np.where(z > -6.0, gain, z * 1e-12)


def upper_confidence(mean: Floats, deviation: Floats, best: float, rng: np.random.Generator) -> Floats:
    """Return mean + deviation.

    Source: Srinivas et al. 2010, ICML, arXiv:0912.3995, with beta = 1, fixed.
    """
    return np.asarray(mean + deviation)


def thompson(mean: Floats, deviation: Floats, best: float, rng: np.random.Generator) -> Floats:
    """Return one draw from each belief.

    Source: Thompson 1933; as White et al. 2021, arXiv:1910.11858, section 4, "independent Thompson sampling".
    Differs from the paper of 1933: the draws of different networks are independent.
    """
    return np.asarray(mean + deviation * rng.standard_normal(len(mean)))


ACQUISITIONS: dict[str, Acquisition] = {
    "expected_improvement": expected_improvement,
    "upper_confidence": upper_confidence,
    "thompson": thompson,
}
