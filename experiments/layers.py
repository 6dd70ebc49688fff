"""What masks leave of each layer: kept weights, units without any, and its share of the multiply-adds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from predictors import multiply_adds
from pruning import MaskSet


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """One pruned tensor.

    Attributes:
        name: of the parameter.
        shape: of the parameter.
        kept, total: weights.
        dead_inputs: input units that no kept weight of this layer reads.
        dead_outputs: output units that no kept weight of this layer writes.
        inputs, outputs: all units.
        multiply_adds: of this layer's kept weights, for one input.
    """

    name: str
    shape: tuple[int, ...]
    kept: int
    total: int
    dead_inputs: int
    dead_outputs: int
    inputs: int
    outputs: int
    multiply_adds: int


def layer_facts(module: nn.Module, masks: MaskSet, input_shape: tuple[int, ...]) -> list[LayerFacts]:
    """Return the facts of every masked layer, in the network's order."""
    groups = {f"{name}.weight": int(getattr(part, "groups", 1)) for name, part in module.named_modules()}
    nothing = {name: torch.zeros_like(mask) for name, mask in masks.items()}
    facts = []
    for name, mask in masks.items():
        alone = MaskSet({**nothing, name: mask})
        inputs, outputs = live_units(mask, groups.get(name, 1))
        facts.append(
            LayerFacts(
                name=name,
                shape=tuple(mask.shape),
                kept=int(mask.sum()),
                total=mask.numel(),
                dead_inputs=int((~inputs).sum()),
                dead_outputs=int((~outputs).sum()),
                inputs=len(inputs),
                outputs=len(outputs),
                multiply_adds=multiply_adds(module, input_shape, alone),
            )
        )
    return facts


def live_units(mask: Tensor, groups: int = 1) -> tuple[Tensor, Tensor]:
    """Return which input units (inputs,) and output units (outputs,) a weight mask touches, as bool vectors.

    Args:
        mask: (outputs, inputs / groups, *kernel), bool; a vector counts as one input to each output.
        groups: of a grouped convolution; output channel o reads the input channels of its own group.
    """
    flat = mask.reshape(len(mask), -1 if mask.dim() == 1 else mask.shape[1], -1).any(dim=2)
    by_group = flat.reshape(groups, len(mask) // groups, flat.shape[1])
    return by_group.any(dim=1).flatten(), flat.any(dim=1)
