"""FORCE and iterative SNIP: the same derivative, the opposite answer to whether removed weights may return."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from pruning import Sparsity, prunable, prune
from pruning.methods.force import force
from pruning.methods.snip import snip
from tests.pruning.nets import evidence, make


def smooth() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 4)).double()


def by_the_paper(module: nn.Module, density: float, rounds: int, *, returning: bool) -> tuple[Tensor, bool]:
    """Algorithm 1 with a plain sort, on flat vectors; also whether a removed weight ever came back."""
    given = evidence("tied")
    assert given.inputs is not None and given.targets is not None
    dense = {name: weight.detach() for name, weight in prunable(module).items()}
    flat = torch.cat([weight.flatten() for weight in dense.values()])
    mask, back = torch.ones_like(flat), False
    for k in range(1, rounds + 1):
        parts = (flat * mask).split_with_sizes([weight.numel() for weight in dense.values()])
        leaves = {n: p.view(dense[n].shape).requires_grad_(True) for n, p in zip(dense, parts, strict=True)}
        logits = functional_call(module, leaves, (given.inputs.double(),))
        slopes = torch.autograd.grad(functional.cross_entropy(logits, given.targets), list(leaves.values()))
        scores = (torch.cat([g.flatten() for g in slopes]) * flat).abs()
        if not returning:
            scores = scores.masked_fill(mask == 0, -1)
        new = torch.zeros_like(mask)
        new[scores.argsort(descending=True)[: round(len(flat) * density ** (k / rounds))]] = 1
        back = back or bool((new > mask).any())
        mask = new
    return mask.bool(), back


@pytest.mark.parametrize(("method", "returning"), [("force", True), ("snip", False)])
@pytest.mark.parametrize("rounds", [1, 6])
def test_rounds_follow_the_paper(method: str, returning: bool, rounds: int) -> None:
    module = smooth()
    expected, back = by_the_paper(module, 0.25, rounds, returning=returning)
    masks = prune(module, Sparsity(method, 0.25, rounds=rounds), evidence("tied"))
    assert torch.equal(torch.cat([masks[name].flatten() for name in masks]), expected)
    assert back == (returning and rounds > 1)  # the case would show nothing if no weight wanted to return


def test_one_round_is_snip() -> None:
    for net in ("plain", "attention"):
        first, second = (prune(make(net), Sparsity(method, 0.3), evidence(net)) for method in ("force", "snip"))
        assert first == second


def test_removed_weights_are_scored_at_the_value_they_would_return_with() -> None:
    module = smooth()
    masks = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in prunable(module).items()}
    masks["0.weight"][:, 2] = False
    there, gone = (method(module, evidence("tied"))(masks)["0.weight"] for method in (force, snip))
    assert bool((there[:, 2] > 0).all())
    assert not bool(gone[:, 2].any())
    torch.testing.assert_close(there[:, [0, 1, 3, 4, 5]], gone[:, [0, 1, 3, 4, 5]])


@pytest.mark.parametrize("allocation", ["global", "erk"])
def test_weights_return_within_and_across_layers(allocation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import pruning.rounds as rounds

    seen: list[Tensor] = []
    original = rounds.Rounds._scored

    def watched(self: rounds.Rounds, alive: Tensor) -> Tensor:
        seen.append(alive.clone())
        return original(self, alive)

    monkeypatch.setattr(rounds.Rounds, "_scored", watched)
    prune(smooth(), Sparsity("force", 0.2, allocation, rounds=6), evidence("tied"))
    assert any(bool((later & ~earlier).any()) for earlier, later in pairwise(seen))
