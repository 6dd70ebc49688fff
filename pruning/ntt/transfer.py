"""Neural Tangent Transfer: a mask and weights, without labels, with which training goes as in the dense network."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pruning.evidence import Evidence
from pruning.masks import MaskSet
from pruning.ntt.distance import Estimate, Kernel, distance
from pruning.prune import prune
from pruning.sparsity import Sparsity


@dataclass(frozen=True)
class TransferSettings:
    """Settings of a transfer; the defaults are the released ones for LeNet-300-100, but for `steps` (18,720 there).

    Attributes:
        steps: of Adam, one batch each.
        interval: steps between refreshes of the mask; there is none in the last `interval` steps.
        rate: Adam's learning rate.
        kernel_weight: factor on the kernel distance.
        decay: factor on the kept weights' sum of squares, divided by the density.
        kernel, estimate, probes: see `distance`.
    """

    steps: int = 2000
    interval: int = 100
    rate: float = 5e-4
    kernel_weight: float = 1e-3
    decay: float = 1e-4
    kernel: Kernel = "alive"
    estimate: Estimate = "hutchinson"
    probes: int = 1


@dataclass(frozen=True)
class Moment:
    """The distances in one step, on that step's batch; taken where the mask is refreshed and at the end."""

    step: int
    function: float
    kernel: float
    turnover: float
    """Share of the kept weights that the refresh replaced."""


@dataclass(frozen=True)
class Transfer:
    """What was found: the mask; the values of all parameters, masked (`load_` puts them in place); the course."""

    masks: MaskSet
    parameters: dict[str, Tensor]
    latent: dict[str, Tensor]
    history: tuple[Moment, ...]

    def load_(self, module: nn.Module) -> None:
        """Copy the found values into the network. For the mask alone, do not: hold the masks on its own weights."""
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                if name in self.parameters:
                    parameter.copy_(self.parameters[name])


def neural_tangent_transfer(
    module: nn.Module,
    sparsity: Sparsity | Callable[[nn.Module], MaskSet],
    batches: Callable[[], Tensor],
    generator: torch.Generator,
    settings: TransferSettings | None = None,
) -> Transfer:
    """Return mask and weights of a sparse network near the dense one in outputs and tangent kernel.

    The dense network as it is is the teacher and the student's start. Each step takes a batch without labels and
    one step of Adam on function distance + kernel_weight * kernel distance + decay / density * |kept weights|^2,
    through the mask, so that pruned values have no gradient; they keep their values and may return when the mask is
    refreshed.

    Args:
        module: the teacher; unchanged. Runs in eval mode.
        sparsity: how the mask follows from the student's values: Sparsity("magnitude", 0.03, allocation="uniform") is
            the published layerwise one, allocation "global" its other. Or a function from the student to its masks.
        batches: returns the next batch of inputs, an even number of them, on the module's device.
        generator: a CPU generator, for ties and probes.
        settings: None for the defaults.

    Raises:
        PruningError: the sparsity cannot be met, or the network does not fit the estimate.

    Source: Liu and Zenke, ICML 2020, arXiv 2006.08228, section 3.
    Differs from the paper: by default the kernel is that of the kept weights (see `distance`), estimated; the mask has
    the exact count.
    """
    settings = settings or TransferSettings()
    student = copy.deepcopy(module).eval()
    teacher = {name: value.detach().clone() for name, value in student.named_parameters()}
    latent = dict(student.named_parameters())
    optimizer = torch.optim.Adam(latent.values(), settings.rate)
    masks = _refreshed(student, sparsity, generator)
    history: list[Moment] = []
    for step in range(settings.steps):
        kept = {name: masks[name].to(latent[name]) for name in masks}
        effective = masked(latent, kept)
        found = distance(
            student,
            effective,
            teacher,
            kept,
            batches(),
            kernel=settings.kernel,
            estimate=settings.estimate,
            probes=settings.probes,
            generator=generator,
        )
        squares = torch.stack([effective[name].square().sum() for name in kept]).sum()
        loss = found.function + settings.kernel_weight * found.kernel + settings.decay / masks.density * squares
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        last, due = step + 1 == settings.steps, (step + 1) % settings.interval == 0
        if last or due:
            before = masks
            if due and step + 1 <= settings.steps - settings.interval:
                masks = _refreshed(student, sparsity, generator)
            measured = float(found.function.detach()), float(found.kernel.detach())
            history.append(Moment(step + 1, *measured, _turnover(before, masks)))
    values = {name: value.detach().clone() for name, value in latent.items()}
    final = {name: v.masked_fill(~masks[name].to(v.device), 0.0) if name in masks else v for name, v in values.items()}
    return Transfer(masks, final, values, tuple(history))


def masked(values: Mapping[str, Tensor], kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the values times their masks, 0/1 in the values' type; those without a mask as they are."""
    return {name: value * kept[name] if name in kept else value for name, value in values.items()}


def _refreshed(
    student: nn.Module, sparsity: Sparsity | Callable[[nn.Module], MaskSet], generator: torch.Generator
) -> MaskSet:
    if not isinstance(sparsity, Sparsity):
        return sparsity(student)
    return prune(student, sparsity, Evidence((1,), generator))


def _turnover(before: MaskSet, after: MaskSet) -> float:
    gone = sum(int((before[name] & ~after[name]).count_nonzero()) for name in before)
    return gone / before.kept
