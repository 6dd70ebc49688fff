"""Edge-popup: weights stay as they are, and training chooses which of them to keep."""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook
from torch.utils.hooks import RemovableHandle

from pruning.counts import budget, exact_counts
from pruning.dynamic.confine import counts_within
from pruning.errors import PruningError
from pruning.masks import MaskSet, check_masks
from pruning.matrices import matrices
from pruning.parameters import prunable
from pruning.ranking import DEAD, top


class EdgePopup:
    """Trains a score for each weight of a network whose weights never change; one line before a training loop.

        strong = EdgePopup(module, density=0.5, generator=generator)
        optimizer = torch.optim.SGD(strong.parameters(), 0.1, momentum=0.9)
        ... the loop as it was ...
        masks = strong.masks

    In each forward pass a layer keeps the weights of highest |score|, exactly its count of them. The scores' gradient
    is that of a straight-through estimate: d loss / d score = d loss / d weight * weight * sign(score), for kept
    and for pruned weights. Scores outside the allowed mask have no gradient and are never chosen.

    The network stays a plain one: its weights are written before a forward pass if the scores have changed since the
    last. Parameters other than scores are frozen unless asked for, and their gradients are the caller's to clear.

    Source: Ramanujan et al., What's hidden in a randomly weighted neural network, CVPR 2020, arXiv 1911.13299,
    section 4; signed constant weights: `pruning.initialization.signed_constant_`.
    Differs from the paper: exact counts; a layer's share may be any, not the same for all; within an allowed mask
    (Gadhikar, Mukherjee and Burkholz, ICML 2023, arXiv 2210.02412).

    Raises:
        PruningError: the allowed mask does not fit the network, or density or counts keep more than it.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        generator: torch.Generator,
        density: float | None = None,
        counts: Mapping[str, int] | None = None,
        allowed: MaskSet | None = None,
        freeze: bool = True,
        relative: bool = False,
    ) -> None:
        """Draw the scores, and write the first mask onto the network.

        Args:
            module: the network, on the device where it will be trained.
            generator: a CPU generator, for scores (uniform within 1 / sqrt(fan in)) and ties.
            density: kept fraction of all prunable weights; each layer's is in proportion to what it is allowed.
            counts: how many weights each layer keeps, for shares of another kind; in place of the density.
            allowed: what may be kept; None for everything.
            freeze: whether biases, normalisation and whatever else there is stay as they are.
            relative: whether each weight in the scores' gradient is divided by its layer's mean |weight|, so that
                scores move as fast as weights would at the same learning rate. Otherwise as published.
        """
        weights = prunable(module)
        if allowed is not None:
            check_masks(module, allowed)
        self.counts = _counts(weights, allowed, density, counts)
        self._allowed = None if allowed is None else {n: allowed[n].to(w.device) for n, w in weights.items()}
        self._ties = int(torch.randint(2**62, (), generator=generator))
        self.constants = {name: weight.detach().clone() for name, weight in weights.items()}
        self._factors = {name: _relative(value) if relative else value for name, value in self.constants.items()}
        self.scores = _drawn(module, weights, generator)
        self._written: dict[str, int] = {}
        if freeze:
            mine = {id(weight) for weight in weights.values()}
            for parameter in module.parameters():
                parameter.requires_grad_(id(parameter) in mine)
        self._handles = [self._watch(name, weight) for name, weight in weights.items()]
        this = weakref.ref(module)

        def before_forward(called: nn.Module, args: Any) -> None:
            if not torch.compiler.is_compiling() and called is this():
                self.write_(called)

        self._handles.append(module.register_forward_pre_hook(before_forward))
        self._handles.append(self._after_every_step())
        self.write_(module)

    def parameters(self) -> list[nn.Parameter]:
        """Return the scores, for an optimiser."""
        return list(self.scores.values())

    @property
    def masks(self) -> MaskSet:
        """The weights of highest |score| now."""
        return MaskSet({name: self._mask(name) for name in self.scores})

    def release(self) -> None:
        """Let go of the network; it keeps its masked weights and whatever is frozen stays so."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _after_every_step(self) -> RemovableHandle:
        """Take note of steps that move scores: fused optimisers do so without raising a tensor's version."""
        this = weakref.ref(self)

        def after_step(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
            mine = this()
            if mine is not None:
                stepped = {id(p) for group in optimizer.param_groups for p in group["params"]}
                for name in [name for name, score in mine.scores.items() if id(score) in stepped]:
                    mine._written.pop(name, None)

        handle = register_optimizer_step_post_hook(after_step)
        weakref.finalize(self, handle.remove)
        return handle

    @torch.no_grad()
    def write_(self, module: nn.Module) -> None:
        """Write the masked constants where scores changed, and only there: a write between two passes spoils one.

        The network does so itself before a forward pass, except where that is compiled.
        """
        weights = prunable(module)
        for name, score in self.scores.items():
            if self._written.get(name) != score._version:
                weights[name].copy_(torch.where(self._mask(name), self.constants[name], 0.0))
                self._written[name] = score._version

    def _mask(self, name: str) -> Tensor:
        scores = self.scores[name].detach().abs()
        if self._allowed is not None:
            scores = scores.masked_fill(~self._allowed[name], DEAD)
        return top(scores.reshape(-1), self.counts[name], self._ties).view(scores.shape)

    def _watch(self, name: str, weight: nn.Parameter) -> Any:
        """Turn the weight's gradient into its score's once it is there, and leave none to the weight."""

        def to_score(parameter: Tensor) -> None:
            score = self.scores[name]
            assert parameter.grad is not None  # autograd calls this after accumulating one
            gradient = parameter.grad * self._factors[name] * score.detach().sign()
            if self._allowed is not None:
                gradient.masked_fill_(~self._allowed[name], 0.0)
            score.grad = gradient if score.grad is None else score.grad.add_(gradient)
            parameter.grad = None

        return weight.register_post_accumulate_grad_hook(to_score)  # type: ignore[no-untyped-call]


def _counts(
    weights: Mapping[str, nn.Parameter],
    allowed: MaskSet | None,
    density: float | None,
    counts: Mapping[str, int] | None,
) -> dict[str, int]:
    """Return what each layer keeps: the counts, if they can be had, or its share of the density."""
    sizes = {name: weight.numel() for name, weight in weights.items()}
    most = sizes if allowed is None else allowed.counts()
    if counts is not None and density is None:
        wrong = next((n for n in {**sizes, **counts} if not 1 <= counts.get(n, 0) <= most.get(n, 0)), None)
        if wrong is not None:
            raise PruningError(
                f"a layer must keep between one weight and what it is allowed, {most.get(wrong, 0)}; got "
                f"{counts.get(wrong, 0)} ('{wrong}' in counts). Take the counts of masks for this network."
            )
        return {name: counts[name] for name in sizes}
    if density is None or counts is not None:
        got = "neither" if density is None else "both"
        raise PruningError(f"edge-popup must have either density or counts; got {got}. Give one of them.")
    if allowed is None:
        return exact_counts({n: float(s) for n, s in sizes.items()}, sizes, budget(density, sizes))
    return counts_within(allowed, density)


def _drawn(
    module: nn.Module, weights: Mapping[str, nn.Parameter], generator: torch.Generator
) -> dict[str, nn.Parameter]:
    layouts = matrices(module)
    drawn = {}
    for name, weight in weights.items():
        values = torch.rand(weight.shape, generator=generator, dtype=torch.float64) * 2 - 1
        scores = torch.empty_like(weight, requires_grad=False)  # laid out as the weight, for fused optimisers
        drawn[name] = nn.Parameter(scores.copy_(values / math.sqrt(layouts[name].fan_in)))
    return drawn


def _relative(weight: Tensor) -> Tensor:
    return weight / weight.abs().mean().clamp(min=torch.finfo(weight.dtype).tiny)
