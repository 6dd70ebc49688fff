"""From scores to masks in several rounds, with exact counts at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate

import torch
from torch import Size, Tensor

from pruning.bools import count_true
from pruning.ranking import DEAD, top, top_across
from pruning.schedules import steps
from pruning.scoring import Scorer, checked


@dataclass
class Rounds:
    """Ranks a network's weights round after round; a weight removed in one round never returns.

    After round k of n a layer (or the whole network) keeps size * schedule(density, k / n) of its weights, and
    exactly the requested count after the last.

    Attributes:
        scorer: masks -> scores.
        shapes: layer -> shape of its weight, in the order of the flat tensors.
        rounds: n >= 1.
        ties: seed of the order of equal scores.
        schedule: name in `SCHEDULES`.
        returning: whether removed weights are ranked too, by the scores they still have, and may return.
        allow_empty: whether a ranking across layers may leave a layer without weights.
        present: which entries exist of layers that lack some. Others are never kept, counts are of existing ones.
    """

    scorer: Scorer
    shapes: Mapping[str, Size]
    rounds: int
    ties: int
    schedule: str = "exponential"
    returning: bool = False
    allow_empty: bool = False
    present: Mapping[str, Tensor] = field(default_factory=dict)
    _dense: Tensor | None = field(default=None, init=False)
    _later: Tensor | None = field(default=None, init=False)

    def across(self, kept: int, pinned: Mapping[str, int]) -> Tensor:
        """Return a flat bool mask of exactly `kept` weights ranked across layers, at least one in each.

        Args:
            kept: number of weights to keep outside the pinned layers.
            pinned: layer -> its count; ranked within the layer, by the same schedule, and not against others.
        """
        existing = self._existing()
        free = sum(size for name, size in existing.items() if name not in pinned)
        plans = {name: self._steps(existing[name], count) for name, count in pinned.items()}
        alive = self._all()
        for k, count in enumerate(self._steps(free, kept)):
            fixed = {name: plan[k] for name, plan in plans.items()}
            target = count + sum(fixed.values())
            if self._changes(alive, target):
                alive = self.best(alive, target, fixed)
        return alive

    def best(self, alive: Tensor, count: int, fixed: Mapping[str, int] | None = None) -> Tensor:
        """Return a flat bool mask of the `count` best weights, ranked in the network that keeps those in `alive`.

        Args:
            alive: flat bool mask of at least `count` weights.
            count: number to keep, at least one for each layer.
            fixed: pinned layer -> its part of the count.
        """
        candidates = self._candidates(alive)
        scores = self._settled(self._scored(alive), candidates, fixed or {})
        if self.allow_empty:
            return top(scores, count, self.ties, alive=candidates)
        return top_across(scores, self._sizes(), count, self.ties, candidates)

    def within(self, counts: Mapping[str, int]) -> Tensor:
        """Return a flat bool mask with exactly `counts[name]` weights in each layer, ranked within the layer."""
        sizes = self._sizes()
        starts = list(accumulate(sizes, initial=0))
        alive = self._all()
        plans = (self._steps(size, counts[name]) for name, size in self._existing().items())
        for targets in zip(*plans, strict=True):
            if self._changes(alive, sum(targets)):
                scores, candidates = self._scored(alive), self._candidates(alive)
                parts = zip(scores.split_with_sizes(sizes), candidates.split_with_sizes(sizes), strict=True)
                layers = zip(parts, targets, starts, strict=False)
                alive = torch.cat(
                    [top(scores, count, self.ties, start, living) for (scores, living), count, start in layers]
                )
        return alive

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Return the flat tensor's layers, in their shapes (views)."""
        parts = flat.split_with_sizes(self._sizes())
        return {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def _sizes(self) -> list[int]:
        return [shape.numel() for shape in self.shapes.values()]

    def _existing(self) -> dict[str, int]:
        """Return how many entries each layer has that exist."""
        return {
            name: int(self.present[name].count_nonzero()) if name in self.present else shape.numel()
            for name, shape in self.shapes.items()
        }

    def _all(self) -> Tensor:
        """Return the flat mask of all entries that exist."""
        flat = torch.ones(sum(self._sizes()), dtype=torch.bool, device="cpu")
        for name, layer in self.named(flat).items():
            if name in self.present:
                layer.copy_(self.present[name])
        return flat

    def _steps(self, size: int, kept: int) -> list[int]:
        return list(steps(size, kept, self.rounds, self.schedule))

    def _changes(self, alive: Tensor, target: int) -> bool:
        return target < count_true(alive) or (self.returning and target < sum(self._existing().values()))

    def _candidates(self, alive: Tensor) -> Tensor:
        """Return the flat mask of what a ranking chooses from."""
        return self._all() if self.returning else alive

    def _scored(self, alive: Tensor) -> Tensor:
        """Return the flat scores; the dense network is scored once, however often asked.

        Those of later rounds are written over those of the round before: a new tensor as large as the network
        takes longer to be given by the system than to be filled.
        """
        if count_true(alive) == len(alive):
            if self._dense is None:
                self._dense = checked(self.scorer(self.named(alive)), self.shapes)
            return self._dense
        self._later = checked(self.scorer(self.named(alive)), self.shapes, self._later)
        return self._later

    def _settled(self, scores: Tensor, candidates: Tensor, fixed: Mapping[str, int]) -> Tensor:
        """Return scores by which the best of each pinned layer outrank all others, and its others none."""
        if not fixed:
            return scores
        scores, start = scores.clone(), 0
        for name, shape in self.shapes.items():
            part = slice(start, start + shape.numel())
            layer = scores[part]
            if name in fixed:
                best = top(layer, fixed[name], self.ties, start, candidates[part])
                layer.fill_(DEAD).masked_fill_(best, torch.inf)
            start += len(layer)
        return scores
