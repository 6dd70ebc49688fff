"""Gradual and iterative magnitude pruning: schedules, exact counts, nesting, and what goes back to where."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pruning import MaskSet, PruningError, Sparsity, prunable, prune
from pruning.dynamic import GradualMagnitude, iterative_pruning, shrink
from pruning.dynamic.iterative import levels
from tests.pruning.nets import evidence, make


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def dense(module: nn.Module) -> MaskSet:
    return MaskSet({name: torch.ones_like(weight, dtype=torch.bool) for name, weight in prunable(module).items()})


def train(module: nn.Module, net: str, steps: int) -> None:
    inputs = evidence(net).inputs
    optimizer = torch.optim.SGD(module.parameters(), 0.05, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        module(inputs).pow(2).mean().backward()
        optimizer.step()


def flat(tensors: dict[str, Tensor]) -> Tensor:
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors.values()])


@pytest.mark.parametrize("method", ["magnitude", "magnitude_std"])
def test_shrinking_keeps_the_largest_of_those_left(method: str) -> None:
    module = make("tied")
    masks = prune(module, Sparsity("random", 0.6), evidence("tied"))
    found = shrink(module, masks, 0.2, generator(), method=method)
    weights = {name: weight.detach() for name, weight in prunable(module).items()}
    scores = {n: w.abs() / (w.std(correction=0) if method == "magnitude_std" else 1) for n, w in weights.items()}
    score, kept, before = flat(scores), flat(dict(found)), flat(dict(masks))
    assert found.kept == round(0.2 * masks.total)
    assert not bool((kept & ~before).any())
    assert score[kept].min() > score[before & ~kept].max()


def test_shrinking_by_layers_is_that_of_pruning_where_all_is_left() -> None:
    module = make("residual")
    for allocation in ("uniform", "erk", "balanced"):
        found = shrink(module, dense(module), 0.3, generator(), allocation=allocation)
        assert found == prune(module, Sparsity("magnitude", 0.3, allocation=allocation), evidence("residual"))


def test_a_layer_gives_no_more_than_it_has_left() -> None:
    module = make("tied")
    ones = dense(module)
    thin = ones["first.weight"].clone()
    thin.view(-1)[3:] = False
    masks = MaskSet({**ones, "first.weight": thin})
    found = shrink(module, masks, 0.5, generator(), allocation="uniform")
    assert found.counts()["first.weight"] == 3
    assert found.kept == round(0.5 * masks.total)


def test_shrinking_cannot_grow() -> None:
    module = make("tied")
    masks = prune(module, Sparsity("random", 0.3), evidence("tied"))
    with pytest.raises(PruningError, match=r"density must be at most the 0\.\d+ that is kept now; got 0\.5"):
        shrink(module, masks, 0.5, generator())
    with pytest.raises(PruningError, match="unknown pruning method 'magnitud'; did you mean 'magnitude'"):
        shrink(module, masks, 0.2, generator(), method="magnitud")


def test_gradual_pruning_follows_its_cubic_and_ends_exactly() -> None:
    module = make("plain")
    source = prune(module, Sparsity("random", 0.8), evidence("plain"))
    optimizer = torch.optim.AdamW(module.parameters(), 0.01)
    sparsity = GradualMagnitude(
        module, source, optimizer, density=0.1, begin=4, end=22, interval=3, generator=generator()
    )
    inputs = evidence("plain").inputs
    masks = source
    for step in range(1, 31):
        optimizer.zero_grad()
        module(inputs).pow(2).mean().backward()
        optimizer.step()
        due = 4 < step <= 22 and ((step - 4) % 3 == 0)
        assert sparsity.step() == due
        if due:
            progress = (step - 4) / 18
            wanted = 0.1 + (source.density - 0.1) * (1 - progress) ** 3
            assert sparsity.masks.kept == round(wanted * source.total)
        assert all(not bool((sparsity.masks[name] & ~masks[name]).any()) for name in masks)
        masks = sparsity.masks
        for name, weight in prunable(module).items():
            gone = ~masks[name]
            assert not bool(weight[gone].any())
            assert not bool(optimizer.state[weight]["exp_avg"][gone].any())
    assert masks.kept == round(0.1 * source.total)


def test_gradual_pruning_refuses_a_density_above_its_masks() -> None:
    module = make("tied")
    masks = prune(module, Sparsity("random", 0.3), evidence("tied"))
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    with pytest.raises(PruningError, match="density must be above 0 and at most that of the masks"):
        GradualMagnitude(module, masks, optimizer, density=0.5, end=9, generator=generator())
    with pytest.raises(PruningError, match="steps must be 0 <= begin < end"):
        GradualMagnitude(module, masks, optimizer, density=0.1, end=0, generator=generator())


@pytest.mark.parametrize("rewind", ["weights", "rate"])
def test_levels_are_nested_and_each_training_starts_where_it_should(rewind: str) -> None:
    module = make("plain")
    source = prune(module, Sparsity("random", 0.5, allocation="erk"), evidence("plain"))
    first = {name: value.clone() for name, value in module.state_dict().items()}
    starts: list[dict[str, Tensor]] = []
    ends: list[dict[str, Tensor]] = []

    def once(network: nn.Module, masks: MaskSet) -> int:
        starts.append({name: value.clone() for name, value in network.state_dict().items()})
        train(network, "plain", 3)
        ends.append({name: value.clone() for name, value in network.state_dict().items()})
        return len(starts)

    found = list(
        iterative_pruning(module, source, once, density=0.2, generator=generator(), rewind=rewind)  # type: ignore[arg-type]
    )
    total = source.total
    assert [level.masks.kept for level in found] == [
        source.kept,
        *(round(source.kept * 0.8**k) for k in range(1, 5)),
        round(0.2 * total),
    ]
    assert [level.result for level in found] == [1, 2, 3, 4, 5, 6]
    for number, level in enumerate(found):
        masks = level.masks
        origin = first if rewind == "weights" or number == 0 else ends[number - 1]
        for name, value in starts[number].items():
            expected = origin[name].masked_fill(~masks[name], 0.0) if name in masks else origin[name]
            assert torch.equal(value, expected)
        if number:
            before = found[number - 1].masks
            trained = torch.cat([ends[number - 1][name][before[name]].abs() for name in masks])
            kept = torch.cat([masks[name][before[name]] for name in masks])
            assert all(not bool((masks[name] & ~before[name]).any()) for name in masks)
            assert bool(kept.all()) or trained[kept].min() >= trained[~kept].max()


def test_levels_by_hand() -> None:
    masks = {"a": torch.ones(10, 10, dtype=torch.bool)}
    assert levels(masks, 0.5, 0.8) == [1.0, 0.8, 0.64, 0.51, 0.5]
    assert levels(masks, 1.0, 0.8) == [1.0]
    with pytest.raises(PruningError, match=r"keep must be in \(0, 1\)"):
        levels(masks, 0.5, 1.0)


def test_an_unknown_rewinding_is_refused() -> None:
    module = make("tied")
    with pytest.raises(PruningError, match="unknown rewinding 'weight'; did you mean 'weights'"):
        next(
            iterative_pruning(
                module,
                dense(module),
                lambda a, b: None,
                density=0.5,
                generator=generator(),
                rewind="weight",  # type: ignore[arg-type]
            )
        )
