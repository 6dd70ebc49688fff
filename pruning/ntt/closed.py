"""The tangent kernel in closed form: no Jacobian of a dense layer is ever made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.hooks import RemovableHandle

from pruning.errors import PruningError
from pruning.ntt.kernels import Parameters, outputs


@dataclass(frozen=True)
class _Signal:
    """What one layer sees of one batch: its inputs (n, in, places), d outputs / d its own (n, classes, out, places)."""

    inputs: Tensor
    slopes: Tensor


def closed_kernel(
    module: nn.Module, parameters: Parameters, masks: Mapping[str, Tensor], first: Tensor, second: Tensor
) -> Tensor:
    """Return the kernel of `jacobian_kernel` for a network whose parameters are those of linear and 2d conv layers.

    A linear layer with mask M, inputs a and slopes d = d f / d (its outputs) adds
    sum_j (sum_i M_ji a_ni a_mi + 1) d_noj d_mpj, the 1 being its bias: the cost of one pass over its weights for
    each pair of samples, and memory for n1 * n2 * out. A convolution adds its per-sample Jacobians' products, these
    being one matrix product of slopes and unfolded inputs each.

    Args: as `jacobian_kernel`. Differentiable where the parameters are.

    Raises:
        PruningError: a parameter belongs to another kind of layer, to a grouped or specially padded convolution, or
            to a layer that runs not exactly once.
    """
    layers = _layers(module, parameters)
    ours = _signals(module, parameters, layers, first)
    theirs = _signals(module, parameters, layers, second)
    kernel = first.new_zeros(())
    for prefix, layer in layers.items():
        weight, bias = (f"{prefix}.{leaf}" if prefix else leaf for leaf in ("weight", "bias"))
        one, two = ours[prefix], theirs[prefix]
        if weight in parameters:
            mask = masks.get(weight)
            single = isinstance(layer, nn.Linear) and one.inputs.shape[2] == 1
            kernel = kernel + (_dense(one, two, mask) if single else _by_jacobians(one, two, mask))
        if bias in parameters:
            kernel = kernel + torch.einsum("noj,mpj->nmop", one.slopes.sum(3), two.slopes.sum(3))
    return kernel


def _dense(one: _Signal, two: _Signal, mask: Tensor | None) -> Tensor:
    """Return the part of a linear layer's weights; the mask couples inputs and outputs, without it they factorise."""
    a, b, d, e = one.inputs[..., 0], two.inputs[..., 0], one.slopes[..., 0], two.slopes[..., 0]
    if mask is None:
        return (a @ b.T)[:, :, None, None] * torch.einsum("noj,mpj->nmop", d, e)
    pairs = (a[:, None, :] * b[None, :, :]).flatten(0, 1)  # (n1 * n2, in)
    seen = (pairs @ mask.to(a.dtype).T).view(len(a), len(b), 1, -1)  # sum_i M_ji a_ni b_mi
    return torch.einsum("nmoj,mpj->nmop", seen * d[:, None], e)


def _by_jacobians(one: _Signal, two: _Signal, mask: Tensor | None) -> Tensor:
    mine, theirs = (torch.einsum("nojl,nil->noji", signal.slopes, signal.inputs) for signal in (one, two))
    if mask is not None:
        mine = mine * mask.view(mask.shape[0], -1)
    return torch.einsum("nok,mpk->nmop", mine.flatten(2), theirs.flatten(2))


def _layers(module: nn.Module, parameters: Parameters) -> dict[str, nn.Linear | nn.Conv2d]:
    """Return the layers that hold the parameters; they must all be of a kind that has a closed form."""
    found: dict[str, nn.Linear | nn.Conv2d] = {}
    for name in parameters:
        prefix = name.rpartition(".")[0]
        layer = module.get_submodule(prefix)
        plain = isinstance(layer, nn.Conv2d) and layer.groups == 1 and layer.padding_mode == "zeros"
        if not (isinstance(layer, nn.Linear) or (plain and not isinstance(layer.padding, str))):
            raise PruningError(
                f"a closed-form kernel must have linear and plain 2d convolutional layers only; got "
                f"{type(layer).__name__} ('{name}'). Use the estimate 'hutchinson' or 'jacobian'."
            )
        found[prefix] = layer  # type: ignore[assignment]
    return found


def _signals(
    module: nn.Module, parameters: Parameters, layers: Mapping[str, nn.Linear | nn.Conv2d], batch: Tensor
) -> dict[str, _Signal]:
    """Return what each layer sees; differentiable if the parameters are."""
    differentiable = any(value.requires_grad for value in parameters.values())
    values = parameters if differentiable else {name: v.detach().requires_grad_() for name, v in parameters.items()}
    seen: dict[str, list[tuple[Tensor, Tensor]]] = {prefix: [] for prefix in layers}
    handles = [_record(layer, seen[prefix]) for prefix, layer in layers.items()]
    try:
        with torch.enable_grad():
            logits = outputs(module, values, batch)
    finally:
        for handle in handles:
            handle.remove()
    for prefix, calls in seen.items():
        if len(calls) != 1:
            raise PruningError(
                f"a closed-form kernel must have layers that run exactly once; got {len(calls)} runs ('{prefix}'). "
                f"Use the estimate 'hutchinson' or 'jacobian'."
            )
    own = [calls[0][1] for calls in seen.values()]
    rows = [
        torch.autograd.grad(logits[:, o].sum(), own, create_graph=differentiable, retain_graph=True, allow_unused=True)
        for o in range(logits.shape[1])
    ]
    found = {}
    for place, (prefix, layer) in enumerate(layers.items()):
        given, made = seen[prefix][0]
        slopes = torch.stack([torch.zeros_like(made) if row[place] is None else row[place] for row in rows], 1)
        found[prefix] = _by_places(layer, given if differentiable else given.detach(), slopes)
    return found


def _record(layer: nn.Module, calls: list[tuple[Tensor, Tensor]]) -> RemovableHandle:
    return layer.register_forward_hook(lambda _, given, made: calls.append((given[0], made)))


def _by_places(layer: nn.Linear | nn.Conv2d, inputs: Tensor, slopes: Tensor) -> _Signal:
    """Return inputs (n, in, places) and slopes (n, classes, out, places): a linear layer's tokens are its places."""
    if isinstance(layer, nn.Conv2d):
        size = (layer.kernel_size, layer.dilation, layer.padding, layer.stride)
        return _Signal(functional.unfold(inputs, *size), slopes.flatten(3))  # type: ignore[arg-type]
    n, classes = slopes.shape[:2]
    columns = inputs.reshape(n, -1, inputs.shape[-1]).transpose(1, 2)
    return _Signal(columns, slopes.reshape(n, classes, -1, slopes.shape[-1]).transpose(2, 3))
