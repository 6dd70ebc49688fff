"""Levels of one training: counts by hand, the learning rate anew in each, weights back where they began."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from pruning import MaskSet, PruningError, Sparsity, prunable, prune
from pruning.dynamic import Levels
from tests.pruning.nets import evidence, make


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(module: nn.Module, rewind: str, steps: int = 10, levels: int = 4) -> tuple[Levels, torch.optim.SGD, MaskSet]:
    given = evidence("plain")
    allowed = prune(module, Sparsity("random", 0.6), given)
    counts = {name: max(1, kept // 9) for name, kept in allowed.counts().items()}
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    found = Levels(
        module, allowed, optimizer, counts=counts, steps=steps, levels=levels, rewind=rewind, generator=generator()  # type: ignore[arg-type]
    )  # fmt: skip
    return found, optimizer, allowed


def train(module: nn.Module, optimizer: torch.optim.SGD) -> None:
    given = evidence("plain")
    optimizer.zero_grad()
    functional.cross_entropy(module(given.inputs), given.targets).backward()  # type: ignore[arg-type, no-untyped-call]
    optimizer.step()


@pytest.mark.parametrize("rewind", ["rate", "weights"])
def test_levels_remove_the_smallest_inside_the_first_and_rewind(rewind: str) -> None:
    """Ends at steps 2, 5, 8 and 10 of 10; counts first (last / first)^(k / 3); removed are the smallest of a sort."""
    module = make("plain").eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    sparsity, optimizer, allowed = made(module, rewind)
    first, last = allowed.counts(), sparsity.counts_of(3)
    for step in range(1, 11):
        train(module, optimizer)
        trained = {name: weight.detach().clone() for name, weight in prunable(module).items()}
        masks = sparsity.masks
        assert sparsity.step() == (step in (2, 5, 8))
        assert all(not bool((mask & ~allowed[name]).any()) for name, mask in sparsity.masks.items())
        if step not in (2, 5, 8):
            assert sparsity.masks == masks
            continue
        level = {2: 1, 5: 2, 8: 3}[step]
        assert not optimizer.state
        for name, mask in sparsity.masks.items():
            assert int(mask.count_nonzero()) == round(first[name] * (last[name] / first[name]) ** (level / 3))
            sizes = trained[name].abs()
            removed = masks[name] & ~mask
            assert not bool(removed.any()) or sizes[removed].max() <= sizes[mask].min()
            expected = before[name] if rewind == "weights" else trained[name]
            assert torch.equal(module.get_parameter(name), expected.masked_fill(~mask, 0.0))
    assert sparsity.masks.counts() == last


def test_the_learning_rate_begins_anew_in_each_level() -> None:
    sparsity, _, _ = made(make("plain"), "rate")
    places = [sparsity.cycle(step, 10) for step in range(10)]
    assert places == [(0, 2), (1, 2), (0, 3), (1, 3), (2, 3), (0, 3), (1, 3), (2, 3), (0, 2), (1, 2)]


def test_a_single_level_begins_with_the_last_counts() -> None:
    sparsity, _, allowed = made(make("plain"), "weights", steps=3, levels=1)
    assert sparsity.masks.counts() == {name: max(1, kept // 9) for name, kept in allowed.counts().items()}
    assert [sparsity.cycle(step, 3) for step in range(3)] == [(0, 3), (1, 3), (2, 3)]


def test_levels_that_cannot_be_are_refused() -> None:
    with pytest.raises(PruningError, match=r"levels must be at least 1 and at most the steps, 3; got 4. Train longer"):
        made(make("plain"), "rate", steps=3)
    with pytest.raises(PruningError, match="unknown rewinding 'rates'; did you mean 'rate'"):
        made(make("plain"), "rates")
    module = make("plain")
    masks = prune(module, Sparsity("random", 0.2), evidence("plain"))
    counts = {**masks.counts(), "4.weight": 10**6}
    with pytest.raises(PruningError, match=r"at most what is kept at first, \d+; got 1000000 \('4.weight'\)"):
        Levels(module, masks, torch.optim.SGD(module.parameters(), 0.1), counts=counts, steps=9, generator=generator())
