"""How far a sparse network is from its dense teacher: in what it says, and in how it would learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn

from pruning.errors import PruningError
from pruning.naming import unknown
from pruning.ntt.closed import closed_kernel
from pruning.ntt.kernels import Parameters, jacobian_kernel, kernel_product, outputs

Estimate: TypeAlias = Literal["closed", "jacobian", "hutchinson"]
Kernel: TypeAlias = Literal["alive", "published"]

EXACT: dict[str, Callable[[nn.Module, Parameters, Mapping[str, Tensor], Tensor, Tensor], Tensor]] = {
    "closed": closed_kernel,
    "jacobian": jacobian_kernel,
}


@dataclass(frozen=True)
class Distance:
    """Two networks on one batch: mean squared difference of outputs, and of kernel entries (scalars, with graph)."""

    function: Tensor
    kernel: Tensor


def distance(
    module: nn.Module,
    student: Parameters,
    teacher: Parameters,
    masks: Mapping[str, Tensor],
    inputs: Tensor,
    *,
    kernel: Kernel = "alive",
    estimate: Estimate = "closed",
    probes: int = 1,
    generator: torch.Generator | None = None,
) -> Distance:
    """Return the distances of a student, whose masked weights are zero, from a dense teacher of the same wiring.

    The kernels are compared between the batch's first half and its second, all pairs of outputs included. With the
    estimate "hutchinson" it is |dK v|^2 / entries for Gaussian v, which is right on average (relative deviation of
    a probe about 1/2), for both networks with one v.

    Args:
        module: their wiring; in eval mode.
        student: its parameters, masked.
        teacher: its parameters; no gradient goes there.
        masks: of the student, as 0/1 in the weights' type.
        inputs: (even batch, *input_shape); no labels.
        kernel: "alive": the student's kernel is that of its kept weights, the only ones that will be trained.
            "published": that of all weights, as the released code has it, where the gradients of pruned weights
            make up most of the trace at low density.
        estimate: how: see `closed_kernel`, `jacobian_kernel`, `kernel_product`.
        probes: number of v.
        generator: on the CPU, for v.

    Source: Liu and Zenke, Finding trainable sparse networks through Neural Tangent Transfer, ICML 2020, arXiv
    2006.08228, equations 5 and 6.
    """
    if estimate not in get_args(Estimate):
        raise PruningError(unknown("kernel estimate", estimate, get_args(Estimate)))
    if kernel not in get_args(Kernel):
        raise PruningError(unknown("kernel", kernel, get_args(Kernel)))
    if len(inputs) < 2 or len(inputs) % 2:
        raise PruningError(f"a batch must have an even number of images, two at least; got {len(inputs)}.")
    first, second = inputs.chunk(2)
    counted: Mapping[str, Tensor] = masks if kernel == "alive" else {}
    with torch.no_grad():
        wanted = outputs(module, teacher, inputs)
    function = (outputs(module, student, inputs) - wanted).square().mean()
    if estimate != "hutchinson":
        target = EXACT[estimate](module, teacher, {}, first, second).detach()
        difference = EXACT[estimate](module, student, counted, first, second) - target
        return Distance(function, difference.square().mean())
    if generator is None:
        raise PruningError("the estimate 'hutchinson' must have a generator; got none. Pass a CPU generator.")
    total = function.new_zeros(())
    for _ in range(probes):
        probe = torch.randn(wanted[: len(second)].shape, generator=generator, dtype=torch.float64).to(wanted)
        target = kernel_product(module, teacher, {}, first, second, probe).detach()
        total = total + (kernel_product(module, student, counted, first, second, probe) - target).square().sum()
    entries = len(first) * len(second) * wanted.shape[1] ** 2
    return Distance(function, total / (probes * entries))
