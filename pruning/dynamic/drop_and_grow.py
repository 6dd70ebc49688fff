"""The one move of sparse training: drop the smallest weights of a layer, grow as many elsewhere."""

from __future__ import annotations

import math

from torch import Tensor

from pruning.ranking import DEAD, top


def drop_and_grow(weight: Tensor, growth: Tensor, active: Tensor, allowed: Tensor, count: int, ties: int) -> Tensor:
    """Return the layer's next mask, with exactly as many kept weights as before.

    The `count` active weights of least magnitude are dropped; then the `count` weights of highest `growth` are kept
    among all allowed ones that are not kept already. The dropped ones may be among them.

    Args:
        weight: the layer's weights, finite.
        growth: same shape, finite; what would gain most by being kept.
        active: bool, same shape: the present mask.
        allowed: bool, same shape, True wherever `active` is.
        count: number to exchange, from 0 to the number of active weights.
        ties: seed of the order of equal scores.

    Source: Evci et al., RigL, ICML 2020, arXiv 1911.11134, section 3, "Drop criterion" and "Grow criterion".
    """
    kept = int(active.count_nonzero())
    magnitude = weight.detach().abs().float().masked_fill(~active, DEAD)
    survivors = top(magnitude.reshape(-1), kept - count, ties).view(active.shape)
    candidates = growth.float().masked_fill(survivors | ~allowed, DEAD)
    return survivors | top(candidates.reshape(-1), count, ties).view(active.shape)


def cosine(fraction: float, step: int, end: int) -> float:
    """Return the share of active weights to exchange in `step` of 0..`end`: fraction / 2 (1 + cos(pi step / end)).

    Source: Evci et al., RigL, ICML 2020, arXiv 1911.11134, equation 1 (alpha is `fraction`).
    """
    return fraction / 2 * (1 + math.cos(math.pi * step / end))
