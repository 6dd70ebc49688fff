"""Equal networks as one: their parameters, buffers and masks side by side, one forward pass for all."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from nas.errors import NasError
from predictors.structure import multiply_adds

_UNABLE = (nn.RNNBase, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
CPU_MULTIPLY_ADDS = 300_000
"""On a CPU, networks of more for one input are no slower alone: what is saved is the interpreter's time for each step
(docs/results/population.md)."""


def stackable(module: nn.Module, input_shape: Sequence[int], device: torch.device | str) -> bool:
    """Return whether a network gains by being trained beside others of its shapes on the device.

    Recurrent layers have no batched form here, and dropout would draw from another stream than alone.
    """
    if any(isinstance(part, _UNABLE) for part in module.modules()):
        return False
    return torch.device(device).type != "cpu" or multiply_adds(module, tuple(input_shape)) <= CPU_MULTIPLY_ADDS


def kind(module: nn.Module) -> str:
    """Return what networks that can share a program have in common: layers and their settings, shapes included."""
    shapes = [(name, tuple(tensor.shape)) for name, tensor in module.state_dict().items()]
    return f"{module!r} {shapes}"


class Stack:
    """N networks of one kind on a device.

    Attributes:
        parameters: name -> (N, ...), leaves that an optimiser may train.
        dead: name -> bool (N, ...), True where a network's mask has nothing.
    """

    def __init__(
        self, modules: Sequence[nn.Module], masks: Sequence[Mapping[str, Tensor]], device: torch.device | str
    ) -> None:
        """Copy the networks, their masked weights set to zero; the modules stay as they are.

        Raises:
            NasError: there are none, or they are of different kinds.
        """
        kinds = {kind(module) for module in modules}
        if len(kinds) != 1:
            raise NasError(f"stacked networks must be at least one, all of one kind; got {len(kinds)} kinds.")
        parameters, buffers = stack_module_state(list(modules))
        self.parameters = {name: tensor.detach().to(device) for name, tensor in parameters.items()}
        self._buffers = {name: tensor.to(device) for name, tensor in buffers.items()}
        self.dead = {
            name: _dead(name, modules, masks).to(device) for name in dict.fromkeys(n for m in masks for n in m)
        }
        for name, tensor in self.parameters.items():
            if name in self.dead:
                tensor.masked_fill_(self.dead[name], 0.0)
            tensor.requires_grad_()
        self._shape = copy.deepcopy(modules[0]).to("meta")
        self._forward = vmap(self._one)

    def __len__(self) -> int:
        return len(next(iter(self.parameters.values())))

    def __call__(self, inputs: Tensor, *, training: bool) -> Tensor:
        """Return logits (N, batch, classes) of each network's own inputs (N, batch, ...)."""
        self._shape.train(training)
        found: Tensor = self._forward(self.parameters, self._buffers, inputs)
        return found

    def _one(self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor) -> Any:
        return functional_call(self._shape, (parameters, buffers), (inputs,))

    def hold_(self) -> None:
        """Set to zero what is dead in gradients and weights; overwritten, so that NaN does not stay."""
        with torch.no_grad():
            for name, dead in self.dead.items():
                self.parameters[name].masked_fill_(dead, 0.0)

    def mask_gradients_(self) -> None:
        """Set the gradients of dead weights to zero, so that no momentum or decay grows there."""
        for name, dead in self.dead.items():
            gradient = self.parameters[name].grad
            if gradient is not None:
                gradient.masked_fill_(dead, 0.0)

    def finite(self) -> Tensor:
        """Return which networks have finite parameters, bool (N,)."""
        return torch.stack([tensor.detach().flatten(1).isfinite().all(1) for tensor in self.parameters.values()]).all(0)

    def scatter_(self, modules: Sequence[nn.Module]) -> None:
        """Write parameters and buffers back into the modules, which are of the same kind."""
        with torch.no_grad():
            for row, module in enumerate(modules):
                for name, parameter in module.named_parameters():
                    parameter.copy_(self.parameters[name][row])
                for name, buffer in module.named_buffers():
                    buffer.copy_(self._buffers[name][row])


def _dead(name: str, modules: Sequence[nn.Module], masks: Sequence[Mapping[str, Tensor]]) -> Tensor:
    shape = modules[0].get_parameter(name).shape
    kept = [mask[name].cpu() if name in mask else torch.ones(shape, dtype=torch.bool) for mask in masks]
    return ~torch.stack(kept)
