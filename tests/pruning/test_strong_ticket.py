"""Edge-popup as a training: constants of two values that never change, scores where the optimiser had weights."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn import functional

from pruning import Sparsity, prunable, prune
from pruning.dynamic import StrongTicket
from pruning.matrices import matrices
from tests.pruning.nets import evidence, make


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("net", ["plain", "residual", "gru"])
def test_weights_are_signed_constants_throughout_and_only_scores_are_trained(net: str, fused: bool) -> None:
    module, given = make(net), evidence(net)
    allowed = prune(module, Sparsity("random", 0.6), evidence(net))
    counts = {name: max(1, kept // 3) for name, kept in allowed.counts().items()}
    groups: list[dict[str, Any]] = [
        {"params": [p for p in module.parameters() if p.ndim > 1], "weight_decay": 1e-3},
        {"params": [p for p in module.parameters() if p.ndim <= 1]},
    ]
    optimizer = torch.optim.SGD(groups, 0.1, fused=fused)
    sparsity = StrongTicket(module, optimizer, counts=counts, allowed=allowed, generator=generator())
    assert [group["weight_decay"] for group in optimizer.param_groups] == [1e-3]
    assert {id(p) for group in optimizer.param_groups for p in group["params"]} == {
        id(score) for score in sparsity.strong.scores.values()
    }
    constants = {name: value.clone() for name, value in sparsity.strong.constants.items()}
    for name, value in constants.items():
        size = math.sqrt(2 / (matrices(module)[name].fan_in * counts[name] / value.numel()))
        assert torch.allclose(value.abs(), torch.full_like(value, size))
    others = {n: p.detach().clone() for n, p in module.named_parameters() if n not in constants}
    seen = set()
    for _ in range(15):
        optimizer.zero_grad()
        functional.cross_entropy(module(given.inputs), given.targets).backward()  # type: ignore[arg-type, no-untyped-call]
        for score in sparsity.strong.scores.values():
            assert score.grad is not None and score.grad.stride() == score.stride()
        optimizer.step()
        sparsity.step()
        masks = sparsity.masks
        seen.add(masks)
        assert masks.counts() == counts
        for name, weight in prunable(module).items():
            assert torch.equal(weight, constants[name].masked_fill(~masks[name], 0.0))
            assert not bool((masks[name] & ~allowed[name]).any())
    assert len(seen) > 1
    assert all(torch.equal(module.get_parameter(name), value) for name, value in others.items())
    sparsity.release()
    assert all(parameter.requires_grad for parameter in module.parameters())
