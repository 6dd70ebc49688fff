"""Independent dice: the masks of the theory of random pruning, whose counts are right on average only."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def bernoulli(scores: Mapping[str, Tensor], counts: Mapping[str, int], *, allow_empty: bool) -> dict[str, Tensor]:
    """Return masks in which each weight of a layer is kept independently with probability count / size.

    A layer's number of kept weights has mean `count` and standard deviation sqrt(count (1 - count / size)). A
    layer that must not be empty but drew nothing keeps its best weight.

    Args:
        scores: layer -> independent uniform numbers in [0, 1) of its weight's shape.
        counts: layer -> expected number of kept weights.
        allow_empty: whether a layer may be empty.

    Source: Gadhikar, Mukherjee and Burkholz, ICML 2023, arXiv 2210.02412 (ER(p) masks).
    """
    masks = {name: score >= 1 - counts[name] / score.numel() for name, score in scores.items()}
    for name, mask in masks.items():
        if not allow_empty and not bool(mask.any()):
            mask.view(-1)[scores[name].argmax()] = True
    return masks
