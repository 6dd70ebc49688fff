"""From a recipe for a module to an initialised module, as a pure function of the recipe and a generator."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from search_spaces.errors import SpaceError
from search_spaces.initializers import fill_


def skeleton(make: Callable[[], nn.Module]) -> nn.Module:
    """Return the module that `make` builds with every tensor on the meta device: shapes without storage.

    PyTorch's own initialisation then draws nothing, so neither time nor the global random state is spent.
    """
    with torch.inference_mode(False), torch.device("meta"):
        return make()


def initialize(make: Callable[[], nn.Module], generator: torch.Generator, *, gain: float) -> nn.Module:
    """Return the module that `make` builds, on the CPU in train mode, every tensor drawn from `generator`.

    Modules are filled in the order of `Module.modules()`, so the same recipe and the same generator state give
    the same bits. The global random state is neither read nor changed.

    Args:
        make: builds the module without touching existing tensors; called once, under the meta device.
        generator: CPU generator; the only randomness.
        gain: factor on the standard deviation of convolution and linear weights (`activations.GAINS`).

    Raises:
        SpaceError: a module has tensors of its own and there is no rule for its type, or a rule forgot one.
    """
    module = skeleton(make)
    with torch.inference_mode(False), torch.no_grad():
        for path, part in module.named_modules():
            tensors = _materialize_(part)
            if tensors:
                fill_(part, path, gain, generator)
                _check_filled(tensors, part, path)
    return module


def _materialize_(part: nn.Module) -> dict[str, Tensor]:
    """Give each direct parameter and buffer of `part` CPU storage, its content undefined, and return them."""
    parameters = {
        name: nn.Parameter(_storage(tensor), requires_grad=tensor.requires_grad)
        for name, tensor in part.named_parameters(recurse=False)
    }
    buffers = {name: _storage(tensor) for name, tensor in part.named_buffers(recurse=False)}
    tensors: dict[str, Tensor] = {**parameters, **buffers}
    for name, tensor in tensors.items():
        setattr(part, name, tensor)
    return tensors


def _storage(tensor: Tensor) -> Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype)


def _check_filled(tensors: dict[str, Tensor], part: nn.Module, path: str) -> None:
    """Raise if one of `tensors` was never written; autograd counts every in-place write in `_version`."""
    for name, tensor in tensors.items():
        if tensor.numel() > 0 and tensor._version == 0:
            raise SpaceError(
                f"every parameter and buffer must be initialised; '{name}' is not "
                f"({type(part).__name__} at '{path}'). Complete the rule of that type."
            )
