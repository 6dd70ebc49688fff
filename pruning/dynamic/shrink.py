"""One step of pruning a network while it trains: fewer of the weights that are still there."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from pruning.allocations import ALLOCATIONS
from pruning.counts import budget, exact_counts
from pruning.errors import PruningError
from pruning.evidence import Evidence
from pruning.masks import MaskSet
from pruning.methods import RANKED
from pruning.naming import unknown
from pruning.parameters import prunable
from pruning.ranking import DEAD, top
from pruning.rounds import Rounds
from pruning.scoring import checked

BY_VALUE = ("magnitude", "magnitude_std", "random")


def shrink(
    module: nn.Module,
    masks: MaskSet,
    density: float,
    generator: torch.Generator,
    *,
    method: str = "magnitude",
    allocation: str = "global",
) -> MaskSet:
    """Return masks that keep exactly round(density * total) weights, all of them among those of `masks`.

    Args:
        module: the network, its weights as trained so far; unchanged.
        masks: what is kept now.
        density: kept fraction of all prunable weights, at most that of `masks`.
        generator: a CPU generator; it decides ties.
        method: "magnitude", "magnitude_std" (the deviation is that of all the layer's weights, pruned ones as zeros)
            or "random".
        allocation: "global" ranks across layers, each of which keeps a weight at least; others fix the counts, of
            which a layer takes no more than it has left.

    Raises:
        PruningError: a name is unknown, a layer is empty, the density is above that of `masks` or too low, or a
            weight is not finite.

    Source: Han et al., NeurIPS 2015, arXiv 1506.02626; See, Luong and Manning, CoNLL 2016, arXiv 1606.09274, section
    3.2 (class-blind, class-uniform and class-distributed pruning).
    """
    for kind, name, known in (("pruning method", method, BY_VALUE), ("allocation", allocation, ALLOCATIONS)):
        if name not in known:
            raise PruningError(unknown(kind, name, known))
    shapes = {name: weight.shape for name, weight in prunable(module).items()}
    sizes = {name: shape.numel() for name, shape in shapes.items()}
    kept = budget(density, sizes)
    if masks.empty_layers():
        raise PruningError(
            f"every layer must have a weight left; got none in {', '.join(masks.empty_layers())}. "
            f"Make the first masks without allow_empty."
        )
    if kept > masks.kept:
        raise PruningError(
            f"density must be at most the {masks.density:.6g} that is kept now; got {density:g}. "
            f"Pruned weights do not return here; RigL and SET grow them."
        )
    ties = int(torch.randint(2**62, (), generator=generator))
    scorer = RANKED[method](module, Evidence((1,), generator))
    ranking = Rounds(scorer, shapes, 1, ties)
    allocate = ALLOCATIONS[allocation]
    fixed = exact_counts(allocate(shapes, density), masks.counts(), kept) if allocate is not None else {}
    alive = torch.cat([masks[name].reshape(-1) for name in shapes])
    return MaskSet(ranking.named(ranking.best(alive, kept, fixed)), masks.metadata)


def shrink_layers(module: nn.Module, masks: MaskSet, counts: Mapping[str, int], generator: torch.Generator) -> MaskSet:
    """Return masks that keep the `counts[name]` largest weights of each layer, all of them among those of `masks`.

    Args:
        module: the network, its weights as trained so far; unchanged.
        masks: what is kept now.
        counts: layer -> number of weights to keep, at most as many as are kept now.
        generator: a CPU generator; it decides ties.

    Raises:
        PruningError: a count is above what is kept now, or a weight is not finite.
    """
    shapes = {name: weight.shape for name, weight in prunable(module).items()}
    for name, kept in masks.counts().items():
        if counts[name] > kept:
            raise PruningError(
                f"a layer's count must be at most the {kept} weights it keeps now; got {counts[name]} ('{name}'). "
                f"Pruned weights do not return here; RigL and SET grow them."
            )
    ties = int(torch.randint(2**62, (), generator=generator))
    scores = RANKED["magnitude"](module, Evidence((1,), generator))(masks)
    checked(scores, shapes)
    found, start = {}, 0
    for name, shape in shapes.items():
        ranked = scores[name].masked_fill(~masks[name], DEAD).reshape(-1)
        found[name] = top(ranked, counts[name], ties, start).view(shape)
        start += shape.numel()
    return MaskSet(found, masks.metadata)
