"""SET: grow weights at random."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pruning.dynamic.regrowth import Regrowth


class SET(Regrowth):
    """Sparse training that grows weights drawn at random; see `Regrowth` for its use.

    Source: Mocanu et al., Nature Communications 9:2383, 2018, arXiv 1707.04780, algorithm 1 (sparse evolutionary
    training).
    Differs from the paper: an update every `interval` steps with a share that falls along a cosine, as in RigL,
    instead of every epoch with a constant one; weights are dropped by magnitude, not half of them from either sign;
    new ones start at zero; the count is exact.
    """

    def _growth(self, weights: dict[str, nn.Parameter]) -> dict[str, Tensor]:
        return {
            name: torch.rand(weight.shape, generator=self.generator).to(weight.device)
            for name, weight in weights.items()
        }
