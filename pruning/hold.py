"""Masked weights stay exactly zero while everything else trains."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook
from torch.utils.hooks import RemovableHandle

from pruning.masks import check_masks

Listener: TypeAlias = Callable[[str, Tensor, Tensor], None]
"""(parameter name, its whole gradient as accumulated, bool tensor of its dead entries); it must change none of them."""


def hold_(module: nn.Module, masks: Mapping[str, Tensor]) -> Hold:
    """Zero the masked weights now, and keep them exactly zero from now on.

    Three places are guarded. After a gradient is accumulated its masked entries are set to zero, so that no
    momentum, decay or moment grows there. After each step of any torch optimiser the masked weights are set to
    zero, whatever the step did (momentum from before the hold, updates that mix entries, gradients that became
    NaN in clipping). Before each forward pass, and after `load_state_dict`, weights that were changed by other
    hands are set to zero again. Entries are overwritten, never multiplied, so NaN and infinity do not leak.

    Works with autocast, gradient scaling, channels_last, changes of device and torch.compile (call `hold_`
    first). What it does not see: writes through `.data` between a step and the next; it repairs them at the
    next step. A deep copy of the module is not held; hold it again.

    Args:
        module: the network; its prunable weights and their gradients are changed in place.
        masks: one for each prunable weight.

    Returns:
        The hold, which lives as long as the module; `release()` ends it.

    Raises:
        PruningError: the masks do not fit the network.
    """
    check_masks(module, masks)
    return Hold(module, masks)


@dataclass
class _Held:
    """One masked weight: where it lives, what is dead in it, and the state it was last seen in."""

    name: str
    owner: nn.Module
    leaf: str
    dead: Tensor
    parameter: nn.Parameter
    version: int = -1
    handle: RemovableHandle | None = None
    listener: Listener | None = None

    def dead_entries(self) -> Tensor:
        """Return the dead entries on the parameter's device and in its memory layout, as of the last move."""
        like = self.parameter
        if self.dead.device != like.device or self.dead.stride() != like.stride():
            self.dead = torch.empty_like(like, dtype=torch.bool, requires_grad=False).copy_(self.dead)
        return self.dead

    def mask_gradient(self, parameter: Tensor) -> None:
        """Zero the gradient's dead entries (called by autograd once it is accumulated)."""
        if parameter.grad is not None:
            dead = self.dead_entries()
            if self.listener is not None:
                self.listener(self.name, parameter.grad, dead)
            parameter.grad.masked_fill_(dead, 0.0)

    def zero(self) -> None:
        """Zero the weight's dead entries and remember the state it is in."""
        with torch.no_grad():
            self.parameter.masked_fill_(self.dead_entries(), 0.0)
        self.version = self.parameter._version

    def follow(self) -> None:
        """Take over a parameter that was put in the old one's place, and watch its gradient."""
        current = self.owner._parameters[self.leaf]
        if current is not None and current is not self.parameter:
            self.release()
            self.parameter, self.version = current, -1
        if self.handle is None and self.parameter.requires_grad:
            watch = self.parameter.register_post_accumulate_grad_hook
            self.handle = watch(self.mask_gradient)  # type: ignore[no-untyped-call]

    def release(self) -> None:
        if self.handle is not None:
            self.handle.remove()
            self.handle = None


class Hold:
    """The guard over one module's masked weights."""

    def __init__(self, module: nn.Module, masks: Mapping[str, Tensor]) -> None:
        """Zero the masked weights and gradients, and put the guards in place (use `hold_`, which checks)."""
        self._held: list[_Held] = [_held(module, name, mask) for name, mask in masks.items()]
        self._refresh()
        for held in self._held:
            held.mask_gradient(held.parameter)
        this = weakref.ref(module)

        def before_forward(called: nn.Module, args: Any) -> None:
            if not torch.compiler.is_compiling() and called is this():
                self._refresh()

        def after_load(loaded: nn.Module, keys: Any) -> None:
            if loaded is this():
                self._refresh()

        self._handles = [
            module.register_forward_pre_hook(before_forward),
            module.register_load_state_dict_post_hook(after_load),  # type: ignore[no-untyped-call]
            _after_every_step(self),
        ]

    def release(self) -> None:
        """Take all guards away; the weights are free to change, from zero. A second call does nothing."""
        for handle in self._handles:
            handle.remove()
        for held in self._held:
            held.release()
        self._handles, self._held = [], []

    def move(self, masks: Mapping[str, Tensor]) -> None:
        """Hold other entries from now on: what these masks leave out is zeroed now, what they add starts from zero.

        Args:
            masks: parameter name -> bool, True where kept, of the parameter's shape, on any device; parameters that
                are not named stay as they are.
        """
        for held in self._held:
            if held.name in masks:
                held.dead = ~masks[held.name]
                held.zero()
                if held.parameter.grad is not None:
                    held.parameter.grad.masked_fill_(held.dead_entries(), 0.0)

    def listen(self, listener: Listener | None) -> None:
        """Show each gradient to `listener` before its dead entries are zeroed; None ends it.

        Autograd calls it once for each backward pass. The dead entries shown are those of this pass alone, the
        others those of all passes since the gradient was last set to zero.
        """
        for held in self._held:
            held.listener = listener

    def _refresh(self) -> None:
        """Zero what changed since it was last zeroed.

        Only that: writing to a weight between two forward passes would spoil the backward pass of the first.
        """
        for held in self._held:
            held.follow()
            if held.parameter._version != held.version:
                held.zero()

    def _after_step(self, optimizer: Optimizer) -> None:
        stepped = {id(p) for group in optimizer.param_groups for p in group["params"]}
        for held in self._held:
            if id(held.parameter) in stepped:
                held.zero()


def _held(module: nn.Module, name: str, mask: Tensor) -> _Held:
    path, _, leaf = name.rpartition(".")
    owner = module.get_submodule(path)
    parameter = module.get_parameter(name)
    return _Held(name, owner, leaf, ~mask, parameter)


def _after_every_step(hold: Hold) -> RemovableHandle:
    """Watch all optimisers of the process for as long as the hold lives; the watch does not keep it alive."""
    this = weakref.ref(hold)

    def after_step(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        alive = this()
        if alive is not None:
            alive._after_step(optimizer)

    handle = register_optimizer_step_post_hook(after_step)
    weakref.finalize(hold, handle.remove)
    return handle
