"""A private copy of a network that can be masked and differentiated while the original stays untouched."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pruning.errors import PruningError
from pruning.parameters import prunable
from pruning.scoring import Masks, Scores

Objective = Callable[[Tensor], Tensor]
"""The network's output -> a scalar."""


def private_copy(module: nn.Module) -> nn.Module:
    """Return a deep copy that shares no tensor with the module and carries none of its hooks.

    The memo maps each table of hooks to an empty one, so that neither the hooks nor what they are bound to
    (a logger, a trainer) is copied or called.
    """
    hooks = {
        id(table): type(table)()
        for part in module.modules()
        for key, table in vars(part).items()
        if "_hooks" in key and isinstance(table, dict)
    }
    return copy.deepcopy(module, hooks)


class Twin:
    """A private copy whose prunable weights are the dense ones times the current masks.

    The caller settles the copy's mode, precision and layers before it makes the twin; then any number of masks
    can be tried, each for the price of one multiplication and one pass.
    """

    def __init__(self, network: nn.Module, seed: int = 0) -> None:
        """Take over a private copy; `seed` decides what its random layers draw, the same at every call."""
        self._network = network.requires_grad_(False)
        self._weights = {name: weight.requires_grad_(True) for name, weight in prunable(network).items()}
        self._dense = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self._seed = seed

    def sensitivity(self, masks: Masks, inputs: Tensor, objective: Objective) -> Scores:
        """Return weight * d objective / d weight at the masked network: float64, on the CPU, signed.

        For a kept weight that is also d objective / d mask at mask = 1; for the others it is zero.

        Args:
            masks: parameter name -> bool CPU tensor.
            inputs: shape (batch, *input_shape); moved to the network's device and precision.
            objective: the network's output (of several, the first) -> a scalar.

        Raises:
            PruningError: the network or the objective cannot be evaluated on the inputs.
        """
        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(self._dense[name]).masked_fill_(~masks[name].to(weight.device), 0.0)
        weights: list[Tensor] = list(self._weights.values())
        with _alone(self._seed, weights[0].device):
            grads = self._gradients(weights, inputs.detach().to(weights[0], copy=True), objective)
        return {
            name: (weight.detach().double() * grad.double()).cpu()
            for (name, weight), grad in zip(self._weights.items(), grads, strict=True)
        }

    def _gradients(self, weights: list[Tensor], inputs: Tensor, objective: Objective) -> tuple[Tensor, ...]:
        try:
            output = self._network(inputs)
            value = objective(output if isinstance(output, Tensor) else output[0])
            return torch.autograd.grad(value, weights, materialize_grads=True)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, IndexError) as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise PruningError(
                f"the network must run on inputs of shape {tuple(inputs.shape)} and be differentiable; "
                f"got '{reason[0]}' ({type(self._network).__name__}). Check the evidence's input_shape and batch."
            ) from error


@contextmanager
def _alone(seed: int, device: torch.device) -> Iterator[None]:
    """Run with gradients, without autocast, and with global generators that are seeded and then put back."""
    cuda = [device] if device.type == "cuda" else []
    with (
        torch.enable_grad(),
        torch.autocast(device.type, enabled=False),
        torch.random.fork_rng(devices=cuda),
    ):
        torch.default_generator.manual_seed(seed)
        for one in cuda:
            torch.cuda.default_generators[one.index].manual_seed(seed)
        yield
