"""What may come true of beliefs: for several objectives an acquisition is the promise of each case, weighted.

Expected improvement weighs all cases, the upper confidence bound has one, Thompson sampling draws one.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TypeAlias

import numpy as np

from nas.guidance.guide import Floats

Scenarios: TypeAlias = Callable[[int, int, np.random.Generator], tuple[Floats, Floats]]
"""(beliefs k, proposals m, rng) -> weights (s,), summing to any sum, and deviations from the means (s, k, m)."""

NODES, FEWER = 5, 3
"""Of the Gauss-Hermite rule for up to two beliefs, exact for polynomials of degree 9, and for more: degree 5."""


def expectation(beliefs: int, proposals: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the product of Gauss-Hermite rules, one for each belief: for independent ones an expectation.

    Source: Golub and Welsch 1969, Mathematics of Computation 23; the product rule: Davis and Rabinowitz 1984,
        section 5.6.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES if beliefs <= 2 else FEWER)
    cases = np.array(list(product(nodes, repeat=beliefs)))
    shares = np.array([np.prod(case) for case in product(weights, repeat=beliefs)])
    return shares, np.repeat(cases[:, :, None], proposals, axis=2)


def optimism(beliefs: int, proposals: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return one case: everything comes out one deviation better than its mean."""
    return np.ones(1), np.ones((1, beliefs, proposals))


def draw(beliefs: int, proposals: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return one case, drawn for each belief and proposal independently."""
    return np.ones(1), rng.standard_normal((1, beliefs, proposals))


SCENARIOS: dict[str, Scenarios] = {
    "expected_improvement": expectation,
    "upper_confidence": optimism,
    "thompson": draw,
}
"""The same names as ACQUISITIONS, which are for one objective."""
