"""From scores to masks in several rounds, with exact counts at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

import torch
from torch import Size, Tensor

from pruning.ranking import DEAD, top, top_across
from pruning.scoring import Scorer, checked


@dataclass
class Rounds:
    """Ranks a network's weights round after round; a weight removed in one round never returns.

    After round k of n a layer (or the whole network) keeps size * density^((k+1)/n) of its weights, the
    exponential schedule, and exactly the requested count after the last.

    Attributes:
        scorer: masks -> scores.
        shapes: layer -> shape of its weight, in the order of the flat tensors.
        rounds: n >= 1.
        ties: seed of the order of equal scores.

    Source: Tanaka et al., NeurIPS 2020, arXiv 2006.05467, algorithm 1 (the schedule).
    """

    scorer: Scorer
    shapes: Mapping[str, Size]
    rounds: int
    ties: int
    _dense: Tensor | None = field(default=None, init=False)

    def across(self, kept: int) -> Tensor:
        """Return a flat bool mask of exactly `kept` weights ranked across layers, at least one in each."""
        sizes = [shape.numel() for shape in self.shapes.values()]
        alive = torch.ones(sum(sizes), dtype=torch.bool, device="cpu")
        for count in _schedule(len(alive), kept, self.rounds):
            if count < int(alive.count_nonzero()):
                alive = top_across(self._ranked(alive), sizes, count, self.ties)
        return alive

    def within(self, counts: Mapping[str, int]) -> Tensor:
        """Return a flat bool mask with exactly `counts[name]` weights in each layer, ranked within the layer."""
        sizes = [shape.numel() for shape in self.shapes.values()]
        starts = list(accumulate(sizes, initial=0))
        alive = torch.ones(sum(sizes), dtype=torch.bool, device="cpu")
        plans = (_schedule(s, counts[name], self.rounds) for name, s in zip(self.shapes, sizes, strict=True))
        for targets in zip(*plans, strict=True):
            if sum(targets) < int(alive.count_nonzero()):
                layers = zip(self._ranked(alive).split_with_sizes(sizes), targets, starts, strict=False)
                alive = torch.cat([top(scores, count, self.ties, start) for scores, count, start in layers])
        return alive

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Return the flat tensor's layers, in their shapes (views)."""
        parts = flat.split_with_sizes([shape.numel() for shape in self.shapes.values()])
        return {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def _ranked(self, alive: Tensor) -> Tensor:
        """Return the flat scores, DEAD where masked; the dense network is scored once, however often asked."""
        if bool(alive.all()):
            if self._dense is None:
                self._dense = checked(self.scorer(self.named(alive)), self.shapes)
            return self._dense
        return checked(self.scorer(self.named(alive)), self.shapes).masked_fill_(~alive, DEAD)


def _schedule(size: int, kept: int, rounds: int) -> Iterator[int]:
    """Yield the number of weights kept after each round: from `size` down to exactly `kept`."""
    for k in range(1, rounds + 1):
        yield max(kept, round(size * (kept / size) ** (k / rounds)))
