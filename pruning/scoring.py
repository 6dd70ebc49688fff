"""What a pruning method is, and the check its scores go through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Size, Tensor, nn

from pruning.errors import PruningError
from pruning.evidence import Evidence

Masks: TypeAlias = Mapping[str, Tensor]
"""Parameter name -> bool CPU tensor of its shape, True where the weight is kept; all prunable weights."""

Scores: TypeAlias = dict[str, Tensor]
"""Parameter name -> CPU tensor of its shape, one floating dtype for all; the highest are kept, those of masked
weights ignored."""

Scorer: TypeAlias = Callable[[Masks], Scores]
"""The scores of one network under the current masks; called once a round."""

ScoreMethod: TypeAlias = Callable[[nn.Module, Evidence], Scorer]
"""Prepares a network once (a private copy, a batch on its device) and returns its scorer."""

MaskMethod: TypeAlias = Callable[[nn.Module, Evidence, int, Sequence[str]], dict[str, Tensor]]
"""(module, evidence, number of weights to keep, layers to prune) -> their masks: for methods that choose the mask as
a whole instead of ranking weights. Layers that are not named are dense, and not in the number."""


def checked(scores: Scores, shapes: Mapping[str, Size], out: Tensor | None = None) -> Tensor:
    """Return all scores in one flat tensor, in the order of `shapes`.

    Args:
        scores: what a scorer returned.
        shapes: layer -> shape of its weight.
        out: a tensor of that length and dtype to fill and return, or None for a new one.

    Raises:
        PruningError: naming the first layer with a score that is NaN or infinite.
    """
    for name, shape in shapes.items():
        if scores[name].shape != shape:
            raise PruningError(
                f"a score must have its weight's shape {tuple(shape)}; got {tuple(scores[name].shape)} "
                f"('{name}'). Return one score for each weight."
            )
    flat = torch.cat([scores[name].reshape(-1) for name in shapes], out=out)
    if flat.sum().isfinite() or flat.isfinite().all():  # a finite sum is the cheap proof; overflow proves nothing
        return flat
    name, score = next((n, scores[n]) for n in shapes if not scores[n].isfinite().all())
    bad = score[~score.isfinite()]
    raise PruningError(
        f"scores must be finite; got {bad[0].item()} for {len(bad)} of {score.numel()} weights ('{name}'). "
        f"Look for NaN, infinite or exploding values in this layer's weights or in the inputs."
    )
