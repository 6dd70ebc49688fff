"""From a masked network to a smaller one with the same outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from pruning.compaction.choose import Bools, constants, life, removable
from pruning.compaction.constants import Handed, probe
from pruning.compaction.outputs import answers, departure
from pruning.compaction.plan import LayerCut, Plan
from pruning.compaction.shrink import cut_weight, shrink_
from pruning.compaction.wiring import Wiring, wire
from pruning.errors import PruningError
from pruning.flow import unit_pairs
from pruning.graph import Use, trace
from pruning.masks import MaskSet, check_masks
from pruning.parameters import prunable
from pruning.twin import private_copy

TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class LayerWidth:
    """Units on either side of a weight, before and after; `stays` says why a layer with dead units kept its shape."""

    name: str
    inputs_before: int
    inputs: int
    outputs_before: int
    outputs: int
    stays: str | None = None


@dataclass(frozen=True)
class Compaction:
    """A smaller network.

    Attributes:
        module: in eval mode, on the device of the given one, masked weights zero.
        masks: of what is left of its weights: it is as sparse as before where it was not cut.
        plan: the cut, to make it again on the same architecture.
        widths: of each layer, in the order of the forward pass.
        folded: constants that biases took over.
        uneven: dead units that stay because they add something else at an image's border than inside it.
        connected: whether a way leads from the input to an output; if not, the network is a constant, and small.
        departure: largest difference of the outputs on random inputs, relative to the largest output or 1.
    """

    module: nn.Module
    masks: MaskSet
    plan: Plan
    widths: tuple[LayerWidth, ...]
    folded: int
    uneven: int
    connected: bool
    departure: float


def compact(module: nn.Module, masks: Mapping[str, Tensor], input_shape: Sequence[int]) -> Compaction:
    """Return the network without the units that masks have cut off; in eval mode its outputs are the same.

    A unit (channel, feature) is dead if no way of kept weights leads from it to an output, or if none leads to it
    from the input: then it is a constant (a bias, whatever normalisation and activation make of it), measured in
    float64 and added to the biases of the layers that read it. A constant that would pass a zero-padded
    convolution unevenly stays. Units go through sums only where all summands can do without them, through
    concatenation and flattening, and with a grouped convolution's whole group. At least one unit of each tensor
    stays; so do the network's inputs and outputs, all that layer or group norm binds together, recurrent layers,
    attention (its projections, and the width it shares with the rest), transposed convolutions, weights used more
    than once, and units that the forward picks by number.

    Args:
        module: any network whose forward takes one tensor and takes widths from its tensors; untouched bit for bit.
        masks: one for each prunable weight.
        input_shape: of one sample, without the batch axis.

    Returns:
        The smaller network and what was done; compared with the given one on two random samples.

    Raises:
        PruningError: the masks do not fit, the network cannot be traced or run on the shape, or the outputs differ.

    Cost: a trace, one forward pass of two samples in float64, and for each layer that reads constants that may be
    uneven about one pass of that layer more.
    """
    check_masks(module, masks)
    masked = _masked(module, masks)
    graph = trace(module, input_shape)
    wiring = wire(module, graph)
    pairs = [torch.from_numpy(unit_pairs(_entries(name, use, masks), use) > 0) for name, use in graph.uses.items()]
    alive = life(wiring, pairs)
    double = private_copy(masked).cpu().double()
    found = probe(double, constants(wiring, alive), tuple(input_shape))
    gone = removable(wiring, alive, found.handed)
    biases = {path: _bias(wiring, path, gone, handed) for path, handed in found.handed.items()}
    plan = _plan(wiring, module, gone, biases)
    shrink_(masked, plan)
    with torch.no_grad():
        for path, bias in biases.items():
            if bool(bias.any()):
                masked.get_parameter(f"{path}.bias").add_(bias.to(masked.get_parameter(f"{path}.bias")))
    apart = departure(answers(private_copy(masked).cpu().double(), found.inputs), found.answers)
    if not apart <= TOLERANCE:
        raise PruningError(
            f"a compacted network's outputs must be those of the masked one to {TOLERANCE:g}; got a difference of "
            f"{apart:.3g} ({type(module).__name__}). Its forward does what the trace does not see; leave it as it is."
        )
    dead = ~alive.matters | ~alive.varies
    return Compaction(
        module=masked,
        masks=_cut_masks(masks, module, plan),
        plan=plan,
        widths=tuple(_widths(wiring, gone, dead)),
        folded=int((gone & alive.matters).sum()),
        uneven=_uneven(wiring, gone, alive.matters & ~alive.varies, found.handed),
        connected=any(bool(alive.varies[wiring.units(node)].any()) for node in graph.outputs),
        departure=apart,
    )


def _entries(name: str, use: Use, masks: Mapping[str, Tensor]) -> Bools:
    """Return which entries are kept; all of a weight that is applied but not prunable."""
    mask = masks[name].detach().cpu() if name in masks else torch.ones(use.weight.shape, dtype=torch.bool)
    kept: Bools = mask.numpy()
    return kept


def _masked(module: nn.Module, masks: Mapping[str, Tensor]) -> nn.Module:
    copied = private_copy(module).eval()
    with torch.no_grad():
        for name, weight in prunable(copied).items():
            weight.masked_fill_(~masks[name].to(weight.device), 0.0)
    return copied


def _bias(wiring: Wiring, path: str, gone: Bools, handed: Handed) -> Tensor:
    """Return what the constants that go add to the outputs that stay, float64."""
    step = wiring.layers[path]
    leaving = torch.from_numpy(gone[wiring.units(step.source)])[handed.units]
    staying = torch.from_numpy(~gone[wiring.units(step.out)])
    return handed.amounts[leaving][:, staying].sum(0)


def _plan(wiring: Wiring, module: nn.Module, gone: Bools, biases: Mapping[str, Tensor]) -> Plan:
    """Return the cuts of the layers and norms that lose a unit or gain a bias."""
    layers = {}
    for path, step in wiring.layers.items():
        inputs, outputs = _kept(wiring, step.source, gone), _kept(wiring, step.out, gone)
        groups = wiring.graph.uses[wiring.graph.names[step.layer]].groups
        per_group = wiring.graph.units[step.out] // groups
        has_bias = module.get_submodule(path).bias is not None
        gains = not has_bias and path in biases and bool(biases[path].any())
        sizes = len(inputs), len(outputs)
        if gains or sizes != (wiring.graph.units[step.source], wiring.graph.units[step.out]):
            left = len(outputs) // per_group if groups > 1 else 1
            layers[path] = LayerCut(inputs, outputs, left, has_bias or gains)
    norms = {path: _kept(wiring, node, gone) for path, node in wiring.norms.items()}
    sized = {path: len(kept) == wiring.graph.units[wiring.norms[path]] for path, kept in norms.items()}
    return Plan(layers, {path: kept for path, kept in norms.items() if not sized[path]})


def _kept(wiring: Wiring, node: int, gone: Bools) -> tuple[int, ...]:
    return tuple(int(unit) for unit in np.flatnonzero(~gone[wiring.units(node)]))


def _cut_masks(masks: Mapping[str, Tensor], module: nn.Module, plan: Plan) -> MaskSet:
    cut = {}
    for name, mask in masks.items():
        path = name.rpartition(".")[0]
        owner, layer = module.get_submodule(path), plan.layers.get(path)
        cut[name] = mask if layer is None else cut_weight(mask.cpu(), layer, getattr(owner, "groups", 1))
    return MaskSet(cut, masks.metadata if isinstance(masks, MaskSet) else None)


def _widths(wiring: Wiring, gone: Bools, dead: Bools) -> list[LayerWidth]:
    found: dict[str, LayerWidth] = {}
    held = _reasons(wiring)
    for step in wiring.graph.weighted:
        name, nodes = wiring.graph.names[step.layer], (step.source, step.out)
        stay = [wiring.together[wiring.units(node)][(dead & ~gone)[wiring.units(node)]] for node in nodes]
        stays = next((held[unit] for unit in np.concatenate(stay).tolist() if unit in held), None)
        inputs, outputs = (int((~gone[wiring.units(node)]).sum()) for node in nodes)
        before = (wiring.graph.units[node] for node in nodes)
        found.setdefault(name, LayerWidth(name, next(before), inputs, next(before), outputs, stays))
    return list(found.values())


def _reasons(wiring: Wiring) -> dict[int, str]:
    """Return for each lot of units that go together why they stay; that input and output do needs no telling."""
    ends = (0, *wiring.graph.outputs)
    pinned = [(node, reason) for node, reason in wiring.pinned.items() if node not in ends]
    return {int(unit): reason for node, reason in reversed(pinned) for unit in wiring.together[wiring.units(node)]}


def _uneven(wiring: Wiring, gone: Bools, constant: Bools, handed: Mapping[str, Handed]) -> int:
    """Return the number of constant units that stay and that some layer reads unevenly."""
    stay = set()
    for path, part in handed.items():
        step = wiring.layers[path]
        numbers = wiring.units(step.source).start + part.units.numpy()
        outputs = torch.from_numpy(~gone[wiring.units(step.out)])
        uneven = ~part.even[:, outputs].all(1).numpy()
        stay.update(numbers[uneven & constant[numbers] & ~gone[numbers]].tolist())
    return len(stay)
