"""The one entrance: a network, a sparsity and evidence in; exact masks out."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Size, Tensor, nn

from pruning.allocations import ALLOCATIONS
from pruning.allocations.uniform import uniform
from pruning.counts import exact_counts
from pruning.errors import PruningError, PruningWarning
from pruning.evidence import Evidence
from pruning.masks import MaskSet, architecture_digest
from pruning.methods import CHOSEN, RANKED, RETURNING
from pruning.multipliers import factors
from pruning.parameters import existing, present, prunable
from pruning.rounds import Rounds
from pruning.sampling import bernoulli
from pruning.scope import Scope, scope
from pruning.sparsity import Sparsity


def prune(module: nn.Module, sparsity: Sparsity, evidence: Evidence) -> MaskSet:
    """Return masks that keep exactly round(density * total) of the network's prunable weights.

    Of a network built on a graph, the weights are those that exist (see `parameters.present`); others are never kept.

    1. The total: exact, over the layers that are not excluded; at least one weight in each of them unless empty
       layers are asked for. First and last layers are layers like any other unless `sparsity.ends`, `exclude` or
       the allocation "uniform_plus" say otherwise. Excluded layers stay dense, outside the total.
    2. Counts: with the allocation "global" the method's ranking across layers decides each layer's count, and a
       layer left empty keeps its best weight; other allocations, given densities and the mask of another
       sparsity fix the counts beforehand.
    3. Multipliers: the counts of step 2 times their factors, scaled by one common number and bounded by 1 and
       the layer's size so that the total is hit exactly; given densities stay. With several rounds the global
       ranking is first run to its end to find the counts, then again towards the multiplied ones.
    4. The method's highest scores are kept, round after round; removed weights never return, except in FORCE.
       Equal scores are ranked by a pseudo-random order of all weights, drawn from the evidence's generator.
       With Bernoulli sampling each weight is kept with the probability count / size instead.

    The module stays as it was, bit for bit (parameters, buffers, gradients, mode, hooks), and so do torch's
    global generators. The evidence's generator advances. The same generator state gives the same masks; random
    and magnitude masks do not depend on the network's device.

    Args:
        module: any network, on any device.
        sparsity: what to do.
        evidence: what the method may look at.

    Returns:
        One CPU mask for each weight of `prunable(module)`, in module order. The metadata name the sparsity, the
        input shape, a digest of the architecture (names and shapes of its weights) and one of the generator's state
        before the call; "empty_layers" and "collapsed_layers"
        name the layers without weights and those reduced to one of several, where there are such.

    Raises:
        PruningError: the network has no prunable weights, the density keeps fewer weights than there are layers,
            a glob matches nothing, the given densities and the total disagree, the allocation cannot be met, the
            method lacks data, or a score is not finite.

    Warns:
        PruningWarning: a layer is empty; the network is cut there unless another branch passes by.
    """
    with torch.inference_mode(mode=False):  # a tensor made in inference mode could not be differentiated
        shapes = _shapes(module)
        there, sizes = present(module), existing(module)
        if there:
            _check_partial(sparsity, sizes)
        metadata = _provenance(sparsity, evidence, shapes)
        if sparsity.method in CHOSEN:
            return _reported(_chosen(module, sparsity, evidence, shapes), metadata)
        plan = scope(sparsity, sizes)
        scale = factors(sparsity.multipliers, plan.free)
        guide = None if sparsity.like is None else prune(module, sparsity.like, evidence)
        ties = int(torch.randint(2**62, (), generator=evidence.generator, device="cpu"))
        scorer = RANKED[sparsity.method](module, evidence)
        ranking = Rounds(
            scorer,
            shapes,
            sparsity.rounds,
            ties,
            sparsity.schedule,
            returning=sparsity.method in RETURNING,
            allow_empty=sparsity.allow_empty,
            present=there,
        )
        counts = _fixed_counts(shapes, sizes, sparsity, plan, guide)
        return _reported(_ranked(ranking, sizes, sparsity, plan, counts, scale), metadata)


def _check_partial(sparsity: Sparsity, sizes: Mapping[str, int]) -> None:
    """Raise if a network whose weights exist in part only cannot be pruned so."""
    if sparsity.method in CHOSEN or sparsity.sampling == "bernoulli":
        what = f"method '{sparsity.method}'" if sparsity.method in CHOSEN else "sampling 'bernoulli'"
        raise PruningError(
            f"{what} must have a network whose weights all exist; got one built on a graph. Use a method that ranks."
        )
    empty = [name for name, size in sizes.items() if size == 0]
    if empty:
        raise PruningError(f"a layer must have a weight that exists; got none ('{empty[0]}'). Use another graph.")


def _fixed_counts(
    shapes: Mapping[str, Size], there: Mapping[str, int], sparsity: Sparsity, plan: Scope, guide: MaskSet | None
) -> dict[str, int] | None:
    """Return the count of each free layer, or None if the ranking across layers decides them."""
    free = {name: shapes[name] for name in plan.free}
    sizes = {name: there[name] for name in free}
    if not free:
        return {}
    if guide is not None:
        shares = {name: float(count) for name, count in guide.counts().items() if name in free}
        return _exact(shares, sizes, plan.kept, sparsity.allow_empty)
    allocation = ALLOCATIONS[sparsity.allocation]
    if allocation is None and sparsity.sampling == "bernoulli":
        allocation = uniform
    if allocation is None:
        return None
    return exact_counts(allocation(free, plan.kept / sum(sizes.values())), sizes, plan.kept)


def _ranked(
    ranking: Rounds,
    there: Mapping[str, int],
    sparsity: Sparsity,
    plan: Scope,
    counts: dict[str, int] | None,
    scale: Mapping[str, float],
) -> dict[str, Tensor]:
    """Return the masks of steps 2 to 4."""
    sizes = {name: there[name] for name in plan.free}
    across = None
    if counts is None:
        across = ranking.named(ranking.across(plan.kept, plan.pinned))
        counts = {name: int(across[name].count_nonzero()) for name in plan.free}
    shares = {name: count * scale[name] for name, count in counts.items()}
    multiplied = _exact(shares, sizes, plan.kept, sparsity.allow_empty)
    if across is not None and multiplied == counts:
        return across
    targets = {**plan.pinned, **multiplied}
    if sparsity.sampling == "bernoulli":
        scores = ranking.scorer({name: torch.ones(shape, dtype=torch.bool) for name, shape in ranking.shapes.items()})
        return bernoulli(scores, targets, allow_empty=sparsity.allow_empty)
    return ranking.named(ranking.within(targets))


def _exact(shares: Mapping[str, float], sizes: Mapping[str, int], kept: int, allow_empty: bool) -> dict[str, int]:
    """Return exact counts in proportion to the shares; a layer without a share keeps nothing, or one weight."""
    filled = {name: share for name, share in shares.items() if share > 0}
    if allow_empty and len(filled) < len(shares):
        counts = exact_counts(filled, {name: sizes[name] for name in filled}, kept)
        return {name: counts.get(name, 0) for name in shares}
    return exact_counts({name: share or 1.0 for name, share in shares.items()}, sizes, kept) if shares else {}


def _chosen(module: nn.Module, sparsity: Sparsity, evidence: Evidence, shapes: Mapping[str, Size]) -> dict[str, Tensor]:
    """Return the masks of a method that chooses them as a whole, checked; excluded layers dense."""
    asked = Sparsity(sparsity.method, sparsity.density)
    if sparsity != replace(asked, include=sparsity.include, exclude=sparsity.exclude, ends=sparsity.ends):
        raise PruningError(
            f"method '{sparsity.method}' must have allocation 'global', one round and no multipliers, densities or "
            f"other settings but include, exclude and ends, because it chooses whole paths; got {sparsity}. "
            f"Drop what it cannot obey."
        )
    plan = scope(sparsity, {name: shape.numel() for name, shape in shapes.items()})
    found = MaskSet(CHOSEN[sparsity.method](module, evidence, plan.kept, plan.free))
    misfits = [name for name in plan.free if name not in found or found[name].shape != shapes[name]]
    if misfits or found.kept != plan.kept or found.empty_layers() or len(found) != len(plan.free):
        raise PruningError(
            f"method '{sparsity.method}' must keep exactly {plan.kept} weights and leave no layer empty; got {found}. "
            f"This is a fault of the method."
        )
    return {
        name: found[name] if name in found else torch.ones(shape, dtype=torch.bool) for name, shape in shapes.items()
    }


def _reported(masks: Mapping[str, Tensor], metadata: Mapping[str, str]) -> MaskSet:
    """Return the mask set, with the layers that came to nothing in its metadata and, if empty, in a warning."""
    found = MaskSet(masks, metadata)
    named = {"empty_layers": found.empty_layers(), "collapsed_layers": found.collapsed_layers()}
    if named["empty_layers"]:
        warnings.warn(
            f"a layer should keep a weight; got none in {', '.join(named['empty_layers'])}. "
            f"Raise the density, or do without sparsity.allow_empty.",
            PruningWarning,
            stacklevel=3,
        )
    notes = {key: json.dumps(names) for key, names in named.items() if names}
    return MaskSet(found, {**metadata, **notes}) if notes else found


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


def _provenance(sparsity: Sparsity, evidence: Evidence, shapes: Mapping[str, Size]) -> dict[str, str]:
    state = evidence.generator.get_state().numpy().tobytes()
    said = {key: value if isinstance(value, str) else json.dumps(value) for key, value in sparsity.settings().items()}
    return {
        **said,
        "input_shape": json.dumps(evidence.input_shape),
        "architecture": architecture_digest(shapes),
        "generator": hashlib.sha256(state).hexdigest()[:16],
    }
