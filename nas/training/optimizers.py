"""The optimiser of a recipe, with weight decay only where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nas.training.recipe import Recipe

_FUSED_ON = ("cpu", "cuda")


def make_optimizer(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return SGD (Nesterov) or AdamW over the module's parameters, one fused kernel a step where there is one.

    Parameters of fewer than two axes (biases, normalisation) do not decay.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return optimizer_of([p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1], recipe)


def optimizer_of(decaying: Sequence[Tensor], others: Sequence[Tensor], recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimiser over tensors of which some decay and the others do not."""
    groups: list[dict[str, Any]] = [
        {"params": list(decaying), "weight_decay": recipe.weight_decay},
        {"params": list(others), "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    fused = all(p.device.type in _FUSED_ON and p.is_floating_point() for p in (*decaying, *others))
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(recipe.momentum, 0.999), fused=fused)
    nesterov = recipe.momentum > 0
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=nesterov, fused=fused)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = rate
