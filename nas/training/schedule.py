"""The learning rate over a training: up once, down once."""

from __future__ import annotations

import math

from nas.training.recipe import Schedule


def rate_share(step: int, steps: int, warmup: float, schedule: Schedule) -> float:
    """Return the share of the peak learning rate to use in `step` of 0..`steps`-1, in (0, 1].

    With t = (step + 1/2) / steps, the middle of the step: t / warmup while t < warmup, then, with
    u = (t - warmup) / (1 - warmup), 1 - u ("linear") or (1 + cos(pi u)) / 2 ("cosine"). Taking the middle
    keeps the first and last steps from being no-ops and makes the mean over steps that of the curve.

    Source: L. N. Smith and N. Topin, 2017, Super-Convergence, arXiv:1708.07120, section 3 (one cycle); cosine:
    I. Loshchilov and F. Hutter, 2017, SGDR, ICLR, arXiv:1608.03983, eq. 5.
    """
    time = (step + 0.5) / steps
    if time < warmup:
        return time / warmup
    fallen = (time - warmup) / (1 - warmup)
    if schedule == "cosine":
        return (1 + math.cos(math.pi * fallen)) / 2
    return 1 - fallen
