"""A private copy of a network that can be masked and differentiated while the original stays untouched."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from pruning.bools import places
from pruning.errors import PruningError
from pruning.parameters import prunable
from pruning.scoring import Masks, Scores

Objective = Callable[[Tensor], Tensor]
"""The network's output -> a scalar."""

_FEW = 0.125
"""Up to this share of a weight's entries are written one by one, more of them all at once."""

Slopes = Callable[[Tensor, list[Tensor]], Sequence[Tensor]]
"""(value, weights) -> one tensor for each weight, of its shape."""


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
        self._last: dict[str, Tensor] = {}
        self._seed = seed

    def sensitivity(self, masks: Masks, inputs: Tensor, objective: Objective, *, of_removed: bool = False) -> Scores:
        """Return weight * d objective / d weight at the masked network: float64, on the CPU, signed.

        For a kept weight that is also d objective / d mask at mask = 1; for a removed one it is zero.

        Args:
            masks: parameter name -> bool CPU tensor.
            inputs: shape (batch, *input_shape); moved to the network's device and precision.
            objective: the network's output (of several, the first) -> a scalar.
            of_removed: take each weight at the value it has unmasked, so that a removed one is scored by what it
                would do if it came back; the derivative is still that of the masked network.

        Raises:
            PruningError: the network or the objective cannot be evaluated on the inputs.
        """

        def gradients(value: Tensor, weights: list[Tensor]) -> tuple[Tensor, ...]:
            return torch.autograd.grad(value, weights, materialize_grads=True)

        return self._weighted(masks, inputs, objective, gradients, self._dense if of_removed else self._weights)

    def flow_sensitivity(self, masks: Masks, inputs: Tensor, objective: Objective) -> Scores:
        """Return weight * (H g) at the masked network: float64, on the CPU, signed.

        g is the gradient of the objective in the kept weights and H its Hessian in them, so that the product is
        half the derivative of |g|^2 by the weight, times the weight; for a removed one it is zero. It is computed
        as the gradient of (g as a constant) * g, which needs no Hessian.

        Args:
            masks: parameter name -> bool CPU tensor.
            inputs: shape (batch, *input_shape); moved to the network's device and precision.
            objective: the network's output (of several, the first) -> a scalar.

        Raises:
            PruningError: the network or the objective cannot be evaluated, or not differentiated twice.
        """

        def products(value: Tensor, weights: list[Tensor]) -> tuple[Tensor, ...]:
            slopes = torch.autograd.grad(value, weights, create_graph=True, materialize_grads=True)
            kept = [masks[name].to(slope.device) for name, slope in zip(self._weights, slopes, strict=True)]
            parts = [(g.detach() * g * live).sum() for g, live in zip(slopes, kept, strict=True)]
            return torch.autograd.grad(torch.stack(parts).sum(), weights, materialize_grads=True)

        with _twice_differentiable(self._network):
            return self._weighted(masks, inputs, objective, products, self._weights)

    def _weighted(
        self, masks: Masks, inputs: Tensor, objective: Objective, slopes: Slopes, factors: Mapping[str, Tensor]
    ) -> Scores:
        """Mask the network, and return factor * slope for each weight."""
        with torch.no_grad():
            for name in self._weights:
                self._mask(name, masks[name])
        weights: list[Tensor] = list(self._weights.values())
        with _alone(self._seed, weights[0].device):
            found = self._slopes(weights, inputs.detach().to(weights[0], copy=True), objective, slopes)
        own = len({slope.untyped_storage().data_ptr() for slope in found}) == len(found)
        return {
            name: _product(slope, factors[name].detach(), own and slope.is_contiguous())
            for name, slope in zip(self._weights, found, strict=True)
        }

    def _mask(self, name: str, mask: Tensor) -> None:
        """Set a weight to its dense value times the mask; of a mask much like the last one, only where it differs."""
        weight, dense, last = self._weights[name], self._dense[name], self._last.get(name)
        self._last[name] = mask.clone()
        changed = None if last is None else places(mask ^ last)
        if changed is None or len(changed) > mask.numel() * _FEW or not weight.is_contiguous():
            weight.copy_(mask).mul_(dense)  # twice as fast as choosing entry by entry
        elif len(changed) > 0:
            changed = changed.to(weight.device)
            values = dense.view(-1)[changed]
            weight.view(-1)[changed] = values.mul_(mask.view(-1)[changed.cpu()].to(values))

    def _slopes(self, weights: list[Tensor], inputs: Tensor, objective: Objective, slopes: Slopes) -> Sequence[Tensor]:
        try:
            output = self._network(inputs)
            return slopes(objective(output if isinstance(output, Tensor) else output[0]), weights)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, IndexError) as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise PruningError(
                f"the network must run on inputs of shape {tuple(inputs.shape)} and be differentiable; "
                f"got '{reason[0]}' ({type(self._network).__name__}). Check the evidence's input_shape and batch."
            ) from error


def _product(slope: Tensor, factor: Tensor, reuse: bool) -> Tensor:
    """Return slope * factor, float64 on the CPU; `reuse`: nobody else reads the slope, so write over it."""
    if not (reuse and slope.dtype == torch.float64):
        slope = slope.to(torch.float64, copy=True, memory_format=torch.contiguous_format)
    return slope.mul_(factor).cpu()


@contextmanager
def _alone(seed: int, device: torch.device) -> Iterator[None]:
    """Run with gradients, without autocast, and with global generators that are seeded and then put back.

    Attention by its plain formula: the fused kernel's gradients are NaN for logits as large as a sum over paths, and
    it has no second derivative.
    """
    cuda = [device] if device.type == "cuda" else []
    with (
        torch.enable_grad(),
        torch.autocast(device.type, enabled=False),
        torch.random.fork_rng(devices=cuda),
        sdpa_kernel(SDPBackend.MATH),
    ):
        torch.default_generator.manual_seed(seed)
        for one in cuda:
            torch.cuda.default_generators[one.index].manual_seed(seed)
        yield


@contextmanager
def _twice_differentiable(network: nn.Module) -> Iterator[None]:
    """Run with the kernels that have a second derivative; fused recurrent layers have none."""
    recurrent = any(isinstance(layer, nn.RNNBase) for layer in network.modules())
    cudnn, mkldnn = torch.backends.cudnn.enabled, torch._C._get_mkldnn_enabled()
    try:
        torch.backends.cudnn.enabled = cudnn and not recurrent
        torch._C._set_mkldnn_enabled(mkldnn and not recurrent)  # mkldnn.flags would set, and warn of, more than that
        yield
    finally:
        torch.backends.cudnn.enabled = cudnn
        torch._C._set_mkldnn_enabled(mkldnn)
