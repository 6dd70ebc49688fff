"""How a mask moves while its network trains, by name: one function and one line in TRAININGS for each.

A pattern's mask says how many weights each layer keeps at the end, exactly; a training says which. So what a network
costs is known before it is trained, whatever its training.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from pruning.dynamic.gradual import GradualMagnitude
from pruning.dynamic.iterative import Rewind
from pruning.dynamic.levels import Levels
from pruning.dynamic.moving import Loop, Training
from pruning.dynamic.rigl import RigL
from pruning.dynamic.set import SET
from pruning.dynamic.shrink import shrink_layers
from pruning.dynamic.static import Static
from pruning.dynamic.strong_ticket import StrongTicket
from pruning.dynamic.transferred import Transferred
from pruning.masks import MaskSet
from pruning.ntt import Transfer, TransferSettings, neural_tangent_transfer
from pruning.parameters import present, prunable

LEVELS = 4
"""Levels of `lrr` and `imp`, the dense one included, which share the steps of one training."""

TRANSFER_STEPS = 100
"""Steps of `ntt` before the first step of the training, if that has as many; else as many as it has."""


def static(module: nn.Module, masks: MaskSet, loop: Loop) -> Static:
    """Return the pattern's mask, held."""
    return Static(module, masks)


def rigl(module: nn.Module, masks: MaskSet, loop: Loop) -> RigL:
    """Return the pattern's mask, whose smallest weights make way for those of largest gradient."""
    end, interval = _course(loop.steps)
    allowed = everything(module)
    return RigL(module, masks, loop.optimizer, end=end, interval=interval, allowed=allowed, generator=loop.generator)


def set_(module: nn.Module, masks: MaskSet, loop: Loop) -> SET:
    """Return the pattern's mask, whose smallest weights make way for random ones."""
    end, interval = _course(loop.steps)
    allowed = everything(module)
    return SET(module, masks, loop.optimizer, end=end, interval=interval, allowed=allowed, generator=loop.generator)


def gmp(module: nn.Module, masks: MaskSet, loop: Loop) -> GradualMagnitude:
    """Return the dense network's mask, which loses the smallest weights until each layer has the pattern's count."""
    end, interval = _course(loop.steps)
    start, counts = MaskSet(everything(module), masks.metadata), masks.counts()
    return GradualMagnitude(
        module, start, loop.optimizer, counts=counts, end=end, interval=interval, generator=loop.generator
    )


def lrr(module: nn.Module, masks: MaskSet, loop: Loop) -> Levels:
    """Return the dense network's mask, which loses the smallest weights after each cycle of the learning rate."""
    return _levels(module, masks, loop, "rate")


def imp(module: nn.Module, masks: MaskSet, loop: Loop) -> Levels:
    """Return that of `lrr`, the weights that are left going back to their initial values each time."""
    return _levels(module, masks, loop, "weights")


def edge_popup(module: nn.Module, masks: MaskSet, loop: Loop) -> StrongTicket:
    """Return the mask of weights that are signed constants and never trained, chosen by scores that are."""
    counts, allowed = masks.counts(), everything(module)
    return StrongTicket(module, loop.optimizer, counts=counts, allowed=allowed, generator=loop.generator)


def ntt(module: nn.Module, masks: MaskSet, loop: Loop) -> Transferred:
    """Return the mask that stays as it is and was found, as the weights were, from the dense network without labels."""
    return Transferred(module, masks, _transfer(masks, loop), weights=True)


def ntt_mask(module: nn.Module, masks: MaskSet, loop: Loop) -> Transferred:
    """Return that of `ntt` on the network's own initial weights."""
    return Transferred(module, masks, _transfer(masks, loop), weights=False)


TRAININGS: dict[str, Training] = {
    "static": static,
    "rigl": rigl,
    "set": set_,
    "gmp": gmp,
    "lrr": lrr,
    "imp": imp,
    "edge_popup": edge_popup,
    "ntt": ntt,
    "ntt_mask": ntt_mask,
}

STATIC = "static"
"""The training of candidates that name none."""

FROM_MASK = frozenset({"static", "rigl", "set"})
"""Those that start from the pattern's mask; of all others a pattern is the counts of the layers and no more."""


def everything(module: nn.Module) -> MaskSet:
    """Return the masks that keep every weight that exists."""
    there = present(module)
    return MaskSet({n: there.get(n, torch.ones(w.shape, dtype=torch.bool)) for n, w in prunable(module).items()})


def _course(steps: int) -> tuple[int, int]:
    """Return the last step that may move the mask, and the steps between moves.

    Three quarters of all steps and 100, as Evci et al., RigL, ICML 2020, arXiv 1911.11134; in a training too short
    for 15 moves, a fifteenth of that.
    """
    end = max(1, 3 * steps // 4)
    return end, max(1, min(100, end // 15))


def _levels(module: nn.Module, masks: MaskSet, loop: Loop, rewind: Rewind) -> Levels:
    start = MaskSet(everything(module), masks.metadata)
    return Levels(
        module,
        start,
        loop.optimizer,
        counts=masks.counts(),
        steps=loop.steps,
        levels=min(LEVELS, loop.steps),
        rewind=rewind,
        generator=loop.generator,
    )


def _transfer(masks: MaskSet, loop: Loop) -> Callable[[nn.Module], Transfer]:
    """Return the transfer to the pattern's counts: largest weights of each layer, refreshed ten times at most."""
    steps = min(TRANSFER_STEPS, loop.steps)
    settings = TransferSettings(steps=steps, interval=max(1, steps // 10))
    counts = masks.counts()

    def largest(student: nn.Module) -> MaskSet:
        return shrink_layers(student, everything(student), counts, loop.generator)

    return lambda module: neural_tangent_transfer(module, largest, loop.inputs, loop.generator, settings)
