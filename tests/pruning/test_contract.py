"""What every method must do, with every allocation, on every kind of network. New methods join by being listed."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from pruning import ALLOCATIONS, METHODS, Evidence, PruningError, Sparsity, check_masks, prunable, prune
from pruning.methods import CHOSEN, RANKED, READS_SAMPLES, RETURNING
from pruning.schedules import SCHEDULES
from tests.pruning.nets import NETS, evidence, make

DENSITIES = (0.07, 0.1234, 0.5, 0.98, 1.0)

FEASIBLE = {"uniform_plus": (0.65, 0.98, 1.0)}
"""Densities for an allocation that cannot meet the lower ones on these networks and says so."""

RANKED_PAIRS = sorted({*((m, a) for m in RANKED for a in ("erk", "global")), *(("random", a) for a in ALLOCATIONS)})
"""An allocation settles the counts before the method scores, so not every method needs to meet every allocation."""

PAIRS = [*RANKED_PAIRS, *((m, "global") for m in sorted(CHOSEN))]
"""Methods that choose whole paths have no allocations, rounds and multipliers (test_chosen.py)."""

every_pair = pytest.mark.parametrize(("method", "allocation"), PAIRS)
every_ranked_pair = pytest.mark.parametrize(("method", "allocation"), RANKED_PAIRS)
every_method = pytest.mark.parametrize("method", sorted(METHODS))
every_allocation = pytest.mark.parametrize("allocation", sorted(ALLOCATIONS))
every_net = pytest.mark.parametrize("net", sorted(NETS))


def plans(method: str) -> list[tuple[str, int]]:
    """Allocations and numbers of rounds that a method is used with."""
    return [("global", 2), ("erk", 2)] if method in RANKED else [("global", 1)]


def snapshot(module: nn.Module) -> list[Any]:
    """Everything that must not change: bits, versions, gradients, modes, hooks, identities."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    return [
        [(name, id(t), t._version, t.requires_grad, t.detach().numpy().tobytes()) for name, t in tensors],
        [None if p.grad is None else (id(p.grad), p.grad.numpy().tobytes()) for p in module.parameters()],
        [(name, m.training, sorted(vars(m)), id(m)) for name, m in module.named_modules()],
        [len(table) for m in module.modules() for key, table in sorted(vars(m).items()) if "_hooks" in key],
    ]


def global_randomness() -> tuple[bytes, object, str]:
    return torch.get_rng_state().numpy().tobytes(), random.getstate(), str(np.random.get_state())  # noqa: NPY002


@every_pair
@every_net
def test_kept_count_is_exact_and_no_layer_is_empty(method: str, allocation: str, net: str) -> None:
    module = make(net)
    total = sum(weight.numel() for weight in prunable(module).values())
    for density in FEASIBLE.get(allocation, DENSITIES):
        masks = prune(module, Sparsity(method, density, allocation), evidence(net))
        check_masks(module, masks)
        assert list(masks) == list(prunable(module))
        assert (masks.kept, masks.total) == (round(density * total), total)
        assert min(masks.layer_densities().values()) > 0


@every_ranked_pair
@every_net
def test_rounds_and_multipliers_keep_the_count(method: str, allocation: str, net: str) -> None:
    module = make(net)
    names = list(prunable(module))
    pattern = ((names[0], 0.3), (names[1], 2.5))
    density = FEASIBLE.get(allocation, DENSITIES)[0]
    masks = prune(module, Sparsity(method, density, allocation, 3, pattern), evidence(net))
    assert masks.kept == round(density * masks.total)
    assert min(masks.layer_densities().values()) > 0


@every_pair
@every_net
def test_least_feasible_density_keeps_one_weight_in_each_layer(method: str, allocation: str, net: str) -> None:
    if allocation in FEASIBLE:
        return
    module = make(net)
    sizes = [weight.numel() for weight in prunable(module).values()]
    masks = prune(
        module, Sparsity(method, len(sizes) / sum(sizes), allocation, 2 if method in RANKED else 1), evidence(net)
    )
    assert masks.kept == len(sizes)
    assert min(masks.layer_densities().values()) > 0
    assert json.loads(masks.metadata["collapsed_layers"]) == [n for n, w in prunable(module).items() if w.numel() > 1]


@every_method
@every_net
@pytest.mark.parametrize("training", [True, False])
def test_module_and_global_randomness_are_untouched(method: str, net: str, training: bool) -> None:
    module = make(net).train(training)
    given = evidence(net)
    assert given.inputs is not None
    module(given.inputs).sum().backward()  # gradients and running statistics that could be lost
    next(module.parameters()).requires_grad_(False)
    calls: list[nn.Module] = []
    module.register_forward_hook(lambda *_: calls.append(module))
    before, randomness = snapshot(module), global_randomness()
    for allocation, rounds in plans(method):
        prune(module, Sparsity(method, 0.3, allocation, rounds), given)
    assert snapshot(module) == before
    assert global_randomness() == randomness
    assert not calls


@every_method
@every_net
def test_same_generator_state_gives_the_same_masks(method: str, net: str) -> None:
    sparsity = Sparsity(method, 0.2, *plans(method)[0])
    first, second = (prune(make(net), sparsity, evidence(net, seed=5)) for _ in range(2))
    assert first == second
    assert first.digest() == second.digest()
    assert dict(first.metadata) == dict(second.metadata)


@every_ranked_pair
@every_net
def test_single_round_masks_are_nested(method: str, allocation: str, net: str) -> None:
    module, (low_density, high_density) = make(net), FEASIBLE.get(allocation, (0.2, 0.4))[:2]
    low = prune(module, Sparsity(method, low_density, allocation), evidence(net))
    high = prune(module, Sparsity(method, high_density, allocation), evidence(net))
    assert all(not bool((low[name] & ~high[name]).any()) for name in low)


@pytest.mark.parametrize("method", sorted(set(RANKED) - RETURNING))
@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
def test_later_rounds_never_bring_a_weight_back(method: str, schedule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import pruning.rounds as rounds

    seen: list[torch.Tensor] = []
    original = rounds.Rounds._scored

    def watched(self: rounds.Rounds, alive: torch.Tensor) -> torch.Tensor:
        seen.append(alive.clone())
        return original(self, alive)

    monkeypatch.setattr(rounds.Rounds, "_scored", watched)
    masks = prune(make("plain"), Sparsity(method, 0.1, rounds=5, schedule=schedule), evidence("plain"))
    final = torch.cat([masks[name].flatten() for name in masks])
    kept = [int(alive.sum()) for alive in seen]
    share = masks.kept / masks.total
    shares = [share ** (k / 5) if schedule == "exponential" else 1 - (1 - share) * k / 5 for k in range(5)]
    assert kept == [round(masks.total * share) for share in shares]
    for earlier, later in zip(seen, [*seen[1:], final], strict=True):
        assert not bool((later & ~earlier).any())


@every_method
def test_masks_do_not_depend_on_surrounding_modes(method: str) -> None:
    module, sparsity = make("plain"), Sparsity(method, 0.3, *plans(method)[0])
    expected = prune(module, sparsity, evidence("plain"))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert prune(module, sparsity, evidence("plain")) == expected
    with torch.inference_mode():
        assert prune(module, sparsity, evidence("plain")) == expected


@every_method
def test_channels_last_weights_give_the_same_masks(method: str) -> None:
    module = make("plain").double()
    expected = prune(module, Sparsity(method, 0.3), evidence("plain"))
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert prune(module, Sparsity(method, 0.3), evidence("plain")) == expected


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"random"}))  # random looks at no values
@pytest.mark.parametrize("poison", [torch.nan, torch.inf])
def test_values_that_are_not_finite_are_reported_with_a_layer(method: str, poison: float) -> None:
    module = make("plain")
    with torch.no_grad():
        prunable(module)["4.weight"].view(-1)[3] = poison
    with pytest.raises(PruningError, match=r"scores must be finite; got .* for \d+ of \d+ weights \('.*weight'\)"):
        prune(module, Sparsity(method, 0.3), evidence("plain"))


@every_allocation
def test_too_low_a_density_names_the_least_feasible_one(allocation: str) -> None:
    module = make("plain")
    with pytest.raises(PruningError, match=r"at least one weight in each of 3 layers; got 0.001.* at least") as info:
        prune(module, Sparsity("random", 0.001, allocation), evidence("plain"))
    least = float(str(info.value).split()[-1].rstrip("."))
    if allocation in FEASIBLE:
        with pytest.raises(PruningError, match=rf"'{allocation}' must keep .*; got .* Use at least") as info:
            prune(module, Sparsity("random", least, allocation), evidence("plain"))
        least = float(str(info.value).split()[-1].rstrip("."))
    masks = prune(module, Sparsity("random", least, allocation), evidence("plain"))
    assert masks.kept == round(least * masks.total)


def test_network_without_weights_is_refused() -> None:
    with pytest.raises(PruningError, match="must have prunable weights; got none in ReLU"):
        prune(nn.ReLU(), Sparsity("random", 0.5), evidence("plain"))


@pytest.mark.parametrize("method", sorted(set(RANKED) - {"magnitude", "magnitude_std", "random"}))
def test_wrong_input_shape_is_one_clear_line(method: str) -> None:
    with pytest.raises(PruningError, match=r"the network must run on inputs of shape .*; got '.*'") as info:
        prune(make("gru"), Sparsity(method, 0.5), evidence("plain"))
    assert "\n" not in str(info.value)


@every_method
def test_methods_that_read_samples_are_listed(method: str) -> None:
    """Without samples exactly the listed ones refuse, and say what is missing."""
    bare = Evidence(evidence("plain").input_shape, torch.Generator().manual_seed(0))
    if method in READS_SAMPLES:
        with pytest.raises(PruningError, match="inputs"):
            prune(make("plain"), Sparsity(method, 0.5), bare)
    else:
        assert prune(make("plain"), Sparsity(method, 0.5), bare).density == pytest.approx(0.5, abs=0.01)
