"""The one entrance: a network, a sparsity and evidence in; exact masks out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import torch
from torch import Size, nn

from pruning.allocations import ALLOCATIONS
from pruning.counts import budget, exact_counts
from pruning.errors import PruningError
from pruning.evidence import Evidence
from pruning.masks import MaskSet, check_masks
from pruning.methods import CHOSEN, RANKED
from pruning.multipliers import factors
from pruning.parameters import prunable
from pruning.rounds import Rounds
from pruning.sparsity import Sparsity


def prune(module: nn.Module, sparsity: Sparsity, evidence: Evidence) -> MaskSet:
    """Return masks that keep exactly round(density * total) of the network's prunable weights.

    1. The total: exact, at least one weight in each layer; first and last layers are layers like any other.
    2. Counts: with the allocation "global" the method's ranking across layers decides each layer's count, and a
       layer left empty keeps its best weight; other allocations fix the counts beforehand.
    3. Multipliers: the counts of step 2 times their factors, scaled by one common number and bounded by 1 and
       the layer's size so that the total is hit exactly. With several rounds the global ranking is first run
       to its end to find the counts, then again towards the multiplied ones.
    4. The method's highest scores are kept, round after round; removed weights never return. Equal scores are
       ranked by a pseudo-random order of all weights, drawn from the evidence's generator.

    The module stays as it was, bit for bit (parameters, buffers, gradients, mode, hooks), and so do torch's
    global generators. The evidence's generator advances. The same generator state gives the same masks; random
    and magnitude masks do not depend on the network's device.

    Args:
        module: any network, on any device.
        sparsity: what to do.
        evidence: what the method may look at.

    Returns:
        One CPU mask for each weight of `prunable(module)`, in module order. The metadata name the sparsity, the
        input shape, and a digest of the generator's state before the call.

    Raises:
        PruningError: the network has no prunable weights, the density keeps fewer weights than there are layers,
            a multiplier matches nothing, the method lacks data, or a score is not finite.
    """
    metadata = _provenance(sparsity, evidence)
    with torch.inference_mode(mode=False):  # a tensor made in inference mode could not be differentiated
        shapes = _shapes(module)
        scale = factors(sparsity.multipliers, shapes)
        kept = budget(sparsity.density, {name: shape.numel() for name, shape in shapes.items()})
        if sparsity.method in CHOSEN:
            return _chosen(module, sparsity, evidence, kept, metadata)
        ties = int(torch.randint(2**62, (), generator=evidence.generator, device="cpu"))
        scorer = RANKED[sparsity.method](module, evidence)
        ranking = Rounds(scorer, shapes, sparsity.rounds, ties)
        return MaskSet(_ranked(ranking, sparsity, kept, scale), metadata)


def _ranked(ranking: Rounds, sparsity: Sparsity, kept: int, scale: Mapping[str, float]) -> dict[str, torch.Tensor]:
    """Return the masks of steps 2 to 4."""
    sizes = {name: shape.numel() for name, shape in ranking.shapes.items()}
    allocation = ALLOCATIONS[sparsity.allocation]
    if allocation is not None:
        counts = exact_counts(allocation(ranking.shapes, sparsity.density), sizes, kept)
        return ranking.named(ranking.within(_multiplied(counts, scale, sizes)))
    masks = ranking.named(ranking.across(kept))
    counts = {name: int(mask.count_nonzero()) for name, mask in masks.items()}
    multiplied = _multiplied(counts, scale, sizes)
    return masks if multiplied == counts else ranking.named(ranking.within(multiplied))


def _multiplied(counts: Mapping[str, int], scale: Mapping[str, float], sizes: Mapping[str, int]) -> dict[str, int]:
    shares = {name: count * scale[name] for name, count in counts.items()}
    return exact_counts(shares, sizes, sum(counts.values()))


def _chosen(
    module: nn.Module, sparsity: Sparsity, evidence: Evidence, kept: int, metadata: Mapping[str, str]
) -> MaskSet:
    """Return the masks of a method that chooses whole paths, checked."""
    if sparsity.allocation != "global" or sparsity.rounds != 1 or sparsity.multipliers:
        raise PruningError(
            f"method '{sparsity.method}' must have allocation 'global', one round and no multipliers, because it "
            f"chooses whole paths; got {sparsity}. Drop what it cannot obey."
        )
    masks = MaskSet(CHOSEN[sparsity.method](module, evidence, kept), metadata)
    check_masks(module, masks)
    if masks.kept != kept or min(masks.layer_densities().values()) == 0:
        raise PruningError(
            f"method '{sparsity.method}' must keep exactly {kept} weights and leave no layer empty; got {masks}. "
            f"This is a fault of the method."
        )
    return masks


def _shapes(module: nn.Module) -> dict[str, Size]:
    weights = prunable(module)
    for name, weight in weights.items():
        if weight.is_meta:
            raise PruningError(
                f"a weight must have values to be pruned; got a meta tensor ('{name}'). Load the weights first."
            )
    shapes = {name: weight.shape for name, weight in weights.items()}
    if not shapes:
        raise PruningError(
            f"the network must have prunable weights; got none in {type(module).__name__}. "
            f"Convolutions, linear, recurrent and attention layers have them."
        )
    return shapes


def _provenance(sparsity: Sparsity, evidence: Evidence) -> dict[str, str]:
    state = evidence.generator.get_state().numpy().tobytes()
    return {
        "method": sparsity.method,
        "density": repr(sparsity.density),
        "allocation": sparsity.allocation,
        "rounds": str(sparsity.rounds),
        "multipliers": json.dumps(sparsity.multipliers),
        "input_shape": json.dumps(evidence.input_shape),
        "generator": hashlib.sha256(state).hexdigest()[:16],
    }
