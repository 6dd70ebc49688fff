"""What a network answers, and how far two networks' answers are apart."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pruning.errors import PruningError
from pruning.tracing.recorder import tensors


@torch.no_grad()
def answers(network: nn.Module, inputs: Tensor) -> list[Tensor]:
    """Return the tensors the network returns for a batch, in order.

    Raises:
        PruningError: it does not run on the inputs.
    """
    try:
        return tensors(network(inputs))
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PruningError(
            f"the network must run on inputs of shape {tuple(inputs.shape)}; got '{reason}' "
            f"({type(network).__name__}). Its forward may name widths as numbers; use sizes of its tensors."
        ) from error


def departure(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Return the largest difference of two lists of answers, relative to the largest answer if that exceeds 1.

    Infinite if shapes differ.
    """
    if [tuple(a.shape) for a in ours] != [tuple(b.shape) for b in theirs]:
        return float("inf")
    pairs = [(a.double(), b.double()) for a, b in zip(ours, theirs, strict=True) if a.numel()]
    scale = max([1.0, *(float(b.abs().max()) for _, b in pairs)])
    return max((float((a - b).abs().max()) for a, b in pairs), default=0.0) / scale
