"""How each kind of layer is filled: one rule a type. Every rule draws from the given generator alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

from search_spaces.errors import SpaceError


def fill_(part: nn.Module, path: str, gain: float, generator: torch.Generator) -> None:
    """Fill the direct parameters and buffers of `part` in place; its children are the caller's business.

    A module with a method `initialize_own_(generator)` fills itself (positions, class tokens); any other follows
    the rule of its type.

    Raises:
        SpaceError: `part` has neither that method nor a rule.
    """
    own = getattr(part, "initialize_own_", None)
    if own is not None:
        own(generator)
        return
    for kind in type(part).__mro__:
        if kind in RULES:
            RULES[kind](part, gain, generator)
            return
    raise SpaceError(
        f"a layer with parameters must have an initialisation rule; got {type(part).__name__} (at '{path}'). "
        f"Add the type to RULES in search_spaces/initializers.py or give it initialize_own_."
    )


def _dense_(layer: nn.Linear | nn.Conv2d, gain: float, generator: torch.Generator) -> None:
    """Normal with std = gain / sqrt(fan_in), bias 0; fan_in counts one group's inputs times the kernel area.

    Source: He et al., ICCV 2015, eq. 10: the forward signal keeps its second moment from layer to layer.
    """
    fan_in = layer.weight[0].numel()
    layer.weight.normal_(0.0, gain / math.sqrt(fan_in), generator=generator)
    _zero_(layer.bias)


def _projection_(layer: nn.Linear, gain: float, generator: torch.Generator) -> None:
    """Attention's output projection: no activation before it, hence gain 1 whatever the network's."""
    _dense_(layer, 1.0, generator)


def _attention_(layer: nn.MultiheadAttention, gain: float, generator: torch.Generator) -> None:
    """Queries, keys and values, packed or not: normal with std = 1 / sqrt(fan_in); biases 0."""
    weights = (layer.in_proj_weight, layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight)
    for weight in weights:
        if weight is not None:
            weight.normal_(0.0, 1.0 / math.sqrt(weight.shape[1]), generator=generator)
    for bias in (layer.in_proj_bias, layer.bias_k, layer.bias_v):
        _zero_(bias)


def _norm_(layer: _NormBase, gain: float, generator: torch.Generator) -> None:
    """Scale 1, shift 0, running mean 0, running variance 1, no batch seen."""
    _one_(layer.weight)
    _zero_(layer.bias)
    _zero_(layer.running_mean)
    _one_(layer.running_var)
    _zero_(layer.num_batches_tracked)


def _affine_(layer: nn.LayerNorm | nn.GroupNorm, gain: float, generator: torch.Generator) -> None:
    """Scale 1, shift 0."""
    _one_(layer.weight)
    _zero_(layer.bias)


def _embedding_(layer: nn.Embedding, gain: float, generator: torch.Generator) -> None:
    """Standard normal; the padding row 0."""
    layer.weight.normal_(0.0, 1.0, generator=generator)
    if layer.padding_idx is not None:
        layer.weight[layer.padding_idx].zero_()


def _recurrent_(layer: nn.RNNBase, gain: float, generator: torch.Generator) -> None:
    """Input weights Glorot normal, hidden weights orthogonal, gate by gate; biases 0.

    Source: Glorot & Bengio, AISTATS 2010, eq. 16; Saxe, McClelland, Ganguli, ICLR 2014 (orthogonal).
    """
    for name, weight in layer.named_parameters(recurse=False):
        if name.startswith("weight_ih"):
            for gate in torch.split(weight, layer.hidden_size):
                gate.normal_(0.0, math.sqrt(2.0 / sum(gate.shape)), generator=generator)
        elif name.startswith("weight_hh"):
            for gate in torch.split(weight, layer.hidden_size):
                gate.copy_(_orthogonal(gate.shape[0], gate.shape[1], generator))
        elif name.startswith("bias"):
            weight.zero_()


def _orthogonal(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    """Return a matrix (rows, columns), rows >= columns, with orthonormal columns, uniform over all of them.

    Source: Mezzadri, Notices of the AMS 54(5), 2007: QR of a Gaussian with the signs of R's diagonal moved to Q.
    """
    gaussian = torch.empty(rows, columns, dtype=torch.float64).normal_(generator=generator)
    q, r = torch.linalg.qr(gaussian)
    orthogonal: Tensor = q * r.diagonal().sign()
    return orthogonal


def _zero_(tensor: Tensor | None) -> None:
    if tensor is not None:
        tensor.zero_()


def _one_(tensor: Tensor | None) -> None:
    if tensor is not None:
        tensor.fill_(1)


RULES: MappingProxyType[type[nn.Module], Callable[[Any, float, torch.Generator], None]] = MappingProxyType(
    {
        NonDynamicallyQuantizableLinear: _projection_,
        nn.Linear: _dense_,
        nn.Conv1d: _dense_,
        nn.Conv2d: _dense_,
        nn.Conv3d: _dense_,
        nn.MultiheadAttention: _attention_,
        _NormBase: _norm_,
        nn.LayerNorm: _affine_,
        nn.GroupNorm: _affine_,
        nn.Embedding: _embedding_,
        nn.RNNBase: _recurrent_,
    }
)
"""Looked up along the type's method resolution order: a subclass follows its nearest listed ancestor."""
