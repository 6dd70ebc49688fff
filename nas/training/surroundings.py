"""What holds around a training and is put back after it: random state, cuDNN's settings, memory layout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from nas.seeds import derive
from nas.training.arithmetic import Arithmetic
from nas.training.recipe import Recipe


@contextmanager
def surroundings(device: torch.device, recipe: Recipe, seed: int) -> Iterator[None]:
    """Give the block its own global random state (dropout draws from it) and cuDNN settings; put both back."""
    cuda = device.type == "cuda"
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng([device] if cuda else [], device_type="cuda"))
        torch.default_generator.manual_seed(derive(seed, "dropout"))
        if cuda:
            stack.enter_context(torch.cuda.device(device))
            torch.cuda.manual_seed(derive(seed, "dropout"))
            deterministic = recipe.deterministic
            stack.enter_context(
                torch.backends.cudnn.flags(enabled=True, benchmark=not deterministic, deterministic=deterministic)
            )
        yield


@contextmanager
def prepared(module: nn.Module, arithmetic: Arithmetic) -> Iterator[None]:
    """Train the block's module on the device in its fast layout; afterwards it is the plain one that files expect."""
    arithmetic.prepare_(module)
    try:
        yield
    finally:
        module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
