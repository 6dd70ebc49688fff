"""The tangent kernel of a masked network: exactly by per-sample Jacobians, or its product with a vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, jvp, vjp, vmap

from pruning.errors import PruningError

Parameters: TypeAlias = Mapping[str, Tensor]
"""Parameter name -> value the network runs with (masked weights already zero); all that shall be trained."""


def outputs(module: nn.Module, parameters: Parameters, inputs: Tensor) -> Tensor:
    """Return the network's outputs (batch, classes) with these parameters in place of its own."""
    found: Tensor = functional_call(module, dict(parameters), (inputs,))
    return found


def jacobian_kernel(
    module: nn.Module, parameters: Parameters, masks: Mapping[str, Tensor], first: Tensor, second: Tensor
) -> Tensor:
    """Return K[n, m, o, p] = sum over kept parameters of d f_o(first_n) / d w * d f_p(second_m) / d w.

    Args:
        module: a network whose output for a sample depends on no other sample (eval mode).
        parameters: what it runs with, and what the sum is over.
        masks: parameter name -> bool or 0/1; parameters without one count whole. Empty: the kernel over all weights
            of the network, pruned ones too, which is not that of the network that will be trained.
        first: (n1, *input_shape).
        second: (n2, *input_shape).

    Returns:
        (n1, n2, classes, classes). Memory: n * classes * parameters.

    Source: Jacot, Gabriel and Hongler, NeurIPS 2018, arXiv 1806.07572, equation 2.
    """

    def one(values: Parameters, sample: Tensor) -> Tensor:
        return outputs(module, values, sample[None])[0]

    jacobians = vmap(jacrev(one), (None, 0))
    ours, theirs = jacobians(dict(parameters), first), jacobians(dict(parameters), second)
    kernel: Tensor | None = None
    for name in parameters:
        mine = ours[name] * masks[name] if name in masks else ours[name]
        part = torch.einsum("nok,mpk->nmop", mine.flatten(2), theirs[name].flatten(2))
        kernel = part if kernel is None else kernel + part
    assert kernel is not None  # a network without parameters has no masks either
    return kernel


def kernel_product(
    module: nn.Module,
    parameters: Parameters,
    masks: Mapping[str, Tensor],
    first: Tensor,
    second: Tensor,
    probe: Tensor,
) -> Tensor:
    """Return sum over m and p of K[n, m, o, p] probe[m, p], (n1, classes), without the kernel.

    One pass backward from the second batch, one forward through the first, as much memory as a training step, and
    differentiable. K, its masks and the batches are those of `jacobian_kernel`; any network that runs under
    torch.func.

    Raises:
        PruningError: torch has no forward derivative of one of its functions (transformer layers in eval mode).

    Source: Novak, Sohl-Dickstein and Schoenholz, ICML 2022, arXiv 2206.08720, section 3.2 (NTK-vector products).
    """
    values = dict(parameters)
    pull = vjp(lambda given: outputs(module, given, second), values)[1]
    (gradient,) = pull(probe)
    kept = {name: value * masks[name] if name in masks else value for name, value in gradient.items()}
    try:
        result: Tensor = jvp(lambda given: outputs(module, given, first), (values,), (kept,))[1]
    except NotImplementedError as error:
        raise PruningError(
            f"a tangent kernel must be of a network with forward derivatives; got '{error}' ({type(module).__name__}). "
            f"Find its masks without NTT."
        ) from None
    return result
