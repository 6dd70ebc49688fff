"""Every reference network at an eighth of its width: the same modules, wiring and depth, in milliseconds."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from pruning import Evidence
from search_spaces import NETWORKS, Signature

THIN = 8
BATCH = 4
FULL_WIDTH = ("lenet_300_100", "lenet5", "gru")  # small as they are, and of widths that eight does not divide


@cache
def reference(name: str) -> tuple[nn.Module, Signature]:
    """Return the network, with weights of a fixed seed, and its signature (images of 16 x 16 where they may be)."""
    network = NETWORKS[name]
    shape = network.signature.input_shape
    small = shape if name in FULL_WIDTH else (shape[0], 16, 16)
    signature = Signature(small, network.signature.classes)
    generator = torch.Generator().manual_seed(0)
    if name in FULL_WIDTH:
        return network.build(signature, generator), signature
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _thinned(network.skeleton(signature)), signature


def reference_evidence(name: str, seed: int = 0) -> Evidence:
    """Return evidence with a labelled batch, from a generator of this seed."""
    signature = reference(name)[1]
    data = torch.Generator().manual_seed(1)
    inputs = torch.randn(BATCH, *signature.input_shape, generator=data)
    targets = torch.randint(signature.classes, (BATCH,), generator=data)
    return Evidence(signature.input_shape, torch.Generator().manual_seed(seed), inputs, targets)


def _thinned(module: nn.Module) -> nn.Module:
    """Return a module made on the meta device with an eighth of its channels, on the CPU with random weights."""
    for part in list(module.modules()):
        for name, child in part.named_children():
            setattr(part, name, _thin(child))
        for name, parameter in part.named_parameters(recurse=False):
            if parameter.is_meta:
                shape = [*parameter.shape[:-1], _eighth(parameter.shape[-1])]
                setattr(part, name, nn.Parameter(0.02 * torch.randn(shape)))
    assert not any(tensor.is_meta for tensor in [*module.parameters(), *module.buffers()])
    return module


def _thin(layer: nn.Module) -> nn.Module:
    if isinstance(layer, nn.Conv2d):
        inputs, outputs, groups = map(_eighth, (layer.in_channels, layer.out_channels, layer.groups))
        size, stride, padding = layer.kernel_size, layer.stride, layer.padding
        return nn.Conv2d(inputs, outputs, size, stride, padding, groups=groups, bias=layer.bias is not None)  # type: ignore[arg-type]
    if isinstance(layer, nn.MultiheadAttention):
        return nn.MultiheadAttention(_eighth(layer.embed_dim), layer.num_heads, batch_first=layer.batch_first)
    if isinstance(layer, nn.Linear):
        return nn.Linear(_eighth(layer.in_features), _eighth(layer.out_features), bias=layer.bias is not None)
    if isinstance(layer, nn.BatchNorm2d):
        return nn.BatchNorm2d(_eighth(layer.num_features))
    return nn.LayerNorm(_eighth(layer.normalized_shape[0])) if isinstance(layer, nn.LayerNorm) else layer


def _eighth(size: int) -> int:
    """Return size / 8 where that is whole; colours, classes and single groups stay."""
    return size // THIN if size % THIN == 0 else size
