"""RigL and SET against a brute-force reference, and what they promise over a thousand updates."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pruning import MaskSet, PruningError, Sparsity, prunable, prune
from pruning.dynamic import SET, RigL, random_within
from pruning.dynamic.drop_and_grow import cosine, drop_and_grow
from pruning.dynamic.regrowth import Regrowth
from tests.pruning.nets import evidence, make
from tests.pruning.test_hold import OPTIMIZERS

KINDS: dict[str, type[Regrowth]] = {"rigl": RigL, "set": SET}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def by_sorting(weight: Tensor, growth: Tensor, active: Tensor, allowed: Tensor, count: int) -> Tensor:
    """The definition, entry by entry."""
    w, g, a, ok = (tensor.flatten().tolist() for tensor in (weight.abs(), growth, active, allowed))
    order = sorted((i for i in range(len(w)) if a[i]), key=lambda i: -w[i])
    kept = set(order[: len(order) - count])
    candidates = sorted((i for i in range(len(w)) if ok[i] and i not in kept), key=lambda i: -g[i])
    kept |= set(candidates[:count])
    return torch.tensor([i in kept for i in range(len(w))]).view(weight.shape)


@pytest.mark.parametrize("seed", range(20))
def test_the_exchange_is_that_of_sorting(seed: int) -> None:
    rng = generator(seed)
    shape = (5, 3, 2)
    weight, growth = torch.randn(shape, generator=rng), torch.rand(shape, generator=rng)
    allowed = torch.rand(shape, generator=rng) < 0.7
    active = allowed & (torch.rand(shape, generator=rng) < 0.5)
    for count in range(int(active.count_nonzero()) + 1):
        found = drop_and_grow(weight, growth, active, allowed, count, ties=seed)
        assert torch.equal(found, by_sorting(weight, growth, active, allowed, count))


def test_active_weights_of_zero_count_as_kept() -> None:
    """Masks are known, not read off the weights: a freshly grown zero is one active weight among others."""
    weight, active = torch.zeros(8), torch.arange(8) < 4
    found = drop_and_grow(weight, torch.arange(8.0), active, torch.ones(8, dtype=torch.bool), 1, ties=3)
    assert int(found.count_nonzero()) == 4
    assert bool(found[7])


def test_cosine_by_hand() -> None:
    assert cosine(0.4, 0, 100) == pytest.approx(0.4)
    assert cosine(0.4, 50, 100) == pytest.approx(0.2)
    assert cosine(0.4, 25, 100) == pytest.approx(0.2 * (1 + math.sqrt(0.5)))
    assert cosine(0.4, 100, 100) == pytest.approx(0.0)


def network() -> nn.Sequential:
    module = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(generator=generator(5))
    return module


def start(module: nn.Module, density: float = 0.4) -> MaskSet:
    return prune(module, Sparsity("random", density, allocation="uniform"), evidence("tied"))


def batch(rng: torch.Generator) -> tuple[Tensor, Tensor]:
    return torch.randn(7, 6, generator=rng, dtype=torch.float64), torch.randn(7, 3, generator=rng, dtype=torch.float64)


def loss(module: nn.Module, inputs: Tensor, targets: Tensor) -> Any:
    return (module(inputs) - targets).pow(2).mean()


def test_rigl_in_a_loop_is_a_plain_rewriting_of_it() -> None:
    """SGD with momentum by hand on dense tensors: gradient of the masked network, step, drop, grow, forget."""
    module, rng = network(), generator(1)
    masks = start(module)
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    sparsity = RigL(module, masks, optimizer, end=60, interval=3, fraction=0.5, generator=generator())
    plain = [p.detach().clone() for p in module.parameters()]  # weight, bias, weight, bias
    names = [name for name, _ in module.named_parameters()]
    active = {name: masks[name] for name in masks}
    velocity = [torch.zeros_like(p) for p in plain]
    for step in range(1, 80):
        inputs, targets = batch(rng)
        optimizer.zero_grad()
        loss(module, inputs, targets).backward()
        optimizer.step()
        sparsity.step()
        leaves = [p.clone().requires_grad_() for p in plain]
        out = torch.tanh(inputs @ leaves[0].T + leaves[1]) @ leaves[2].T + leaves[3]
        dense = torch.autograd.grad((out - targets).pow(2).mean(), leaves)
        for i, name in enumerate(names):
            gradient = dense[i] * active[name] if name in active else dense[i]
            velocity[i] = gradient if step == 1 else 0.9 * velocity[i] + gradient
            plain[i] = plain[i] - 0.1 * velocity[i]
            if name not in active:
                continue
            plain[i] = plain[i] * active[name]
            if step % 3 == 0 and step <= 60:
                count = int(0.25 * (1 + math.cos(math.pi * step / 60)) * int(active[name].count_nonzero()))
                everywhere = torch.ones_like(active[name])
                found = by_sorting(plain[i], dense[i].abs(), active[name], everywhere, count)
                plain[i] = plain[i] * found
                velocity[i] = velocity[i] * ~(found ^ active[name])
                active[name] = found
    assert sparsity.exchanged > 20
    for name, expected in zip(names, plain, strict=True):
        torch.testing.assert_close(module.get_parameter(name).detach(), expected, rtol=1e-9, atol=1e-12)
    assert sparsity.masks.equal(active)


def test_set_in_a_loop_is_a_plain_rewriting_of_it() -> None:
    module, rng = network(), generator(1)
    masks = start(module)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    sparsity = SET(module, masks, optimizer, end=30, interval=2, fraction=0.5, generator=generator(8))
    twin = generator(8)
    for step in range(1, 40):
        optimizer.zero_grad()
        loss(module, *batch(rng)).backward()
        before = sparsity.masks
        optimizer.step()
        weights = {name: weight.detach().clone() for name, weight in prunable(module).items()}
        updated = sparsity.step()
        assert updated == (step % 2 == 0 and step <= 30)
        if not updated:
            assert sparsity.masks == before
            continue
        growth = {name: torch.rand(weight.shape, generator=twin) for name, weight in weights.items()}
        for name, weight in weights.items():
            count = int(0.25 * (1 + math.cos(math.pi * step / 30)) * before.counts()[name])
            expected = by_sorting(weight, growth[name], before[name], torch.ones_like(before[name]), count)
            assert torch.equal(sparsity.masks[name], expected)
            if count:
                torch.randint(2**62, (), generator=twin)  # the order of ties


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_thousand_updates_keep_counts_and_stay_inside(kind: str) -> None:
    module, rng = network(), generator(2)
    allowed = prune(module, Sparsity("random", 0.7, allocation="balanced"), evidence("tied"))
    masks = random_within(allowed, 0.35, generator(3))
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    sparsity = KINDS[kind](module, masks, optimizer, end=2000, interval=1, allowed=allowed, generator=generator(4))
    seen = {name: mask.clone() for name, mask in masks.items()}
    inputs, targets = batch(rng)
    for _ in range(1000):
        optimizer.zero_grad()
        loss(module, inputs, targets).backward()
        optimizer.step()
        assert sparsity.step()
        now = sparsity.masks
        assert now.counts() == masks.counts()
        for name, weight in prunable(module).items():
            assert not bool(weight[~now[name]].any())
            seen[name] |= now[name]
    assert all(not bool((seen[name] & ~allowed[name]).any()) for name in seen)
    assert sum(int(mask.count_nonzero()) for mask in seen.values()) > masks.kept  # it did move


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_new_weights_are_zero_and_unknown_to_any_optimiser(kind: str, name: str) -> None:
    module = make("residual")
    masks = prune(module, Sparsity("random", 0.4), evidence("residual"))
    optimizer = OPTIMIZERS[name](module.parameters())
    sparsity = KINDS[kind](module, masks, optimizer, end=100, interval=3, generator=generator())
    inputs = evidence("residual").inputs
    for _ in range(3):
        optimizer.zero_grad()
        module(inputs).pow(2).sum().backward()
        optimizer.step()
        before = sparsity.masks
        sparsity.step()
    assert sparsity.exchanged > 0
    for layer, weight in prunable(module).items():
        changed = before[layer] ^ sparsity.masks[layer]
        assert not bool(weight[changed].any())
        for value in optimizer.state[weight].values():
            if isinstance(value, Tensor) and value.shape == weight.shape:
                assert not bool(value[changed].any())


def test_gradients_of_several_passes_add_up() -> None:
    whole, parts = network(), network()
    inputs, targets = batch(generator(6))
    found = []
    for module, pieces in ((whole, [slice(0, 6)]), (parts, [slice(0, 2), slice(2, 4), slice(4, 6)])):
        optimizer = torch.optim.SGD(module.parameters(), 0.1)
        sparsity = RigL(module, start(module), optimizer, end=9, interval=1, generator=generator())
        for piece in pieces:
            (loss(module, inputs[piece], targets[piece]) / len(pieces)).backward()
        optimizer.step()
        sparsity.step()
        found.append(sparsity.masks)
    assert found[0].equal(found[1])
    assert found[0] != start(whole)


def test_an_infinite_gradient_puts_the_update_off() -> None:
    module = network()
    optimizer = torch.optim.SGD(module.parameters(), 0.0)
    sparsity = RigL(module, start(module), optimizer, end=10, interval=2, generator=generator())
    inputs, targets = batch(generator(6))
    updates = []
    for factor in (1.0, math.inf, 1.0, 1.0):
        optimizer.zero_grad()
        (loss(module, inputs, targets) * factor).backward()
        updates.append(sparsity.step())
    assert updates == [False, False, True, True]


def test_a_resumed_training_goes_on_the_same() -> None:
    def run(sparsity: Regrowth, optimizer: torch.optim.Optimizer, module: nn.Module, steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            loss(module, *data).backward()
            optimizer.step()
            sparsity.step()

    data = batch(generator(6))
    one, two = network(), network()
    sgd = [torch.optim.SGD(module.parameters(), 0.1, momentum=0.9) for module in (one, two)]
    through = SET(one, start(one), sgd[0], end=50, interval=2, generator=generator(1))
    run(through, sgd[0], one, 6)
    later = SET(two, start(two), sgd[1], end=50, interval=2, generator=generator(9))
    later.load_state_dict(through.state_dict())
    two.load_state_dict(one.state_dict())
    sgd[1].load_state_dict(copy.deepcopy(sgd[0].state_dict()))  # the buffers themselves are shared otherwise
    run(through, sgd[0], one, 6)
    run(later, sgd[1], two, 6)
    assert through.masks.equal(later.masks)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_dense_layers_and_a_fraction_of_zero_stay() -> None:
    module = network()
    for masks, fraction in ((prune(module, Sparsity("random", 1.0), evidence("tied")), 0.5), (start(module), 0.0)):
        optimizer = torch.optim.SGD(module.parameters(), 0.1)
        sparsity = SET(module, masks, optimizer, end=9, interval=1, fraction=fraction, generator=generator())
        sparsity.step()
        assert sparsity.masks == masks
        sparsity.release()


def test_what_cannot_be_is_refused() -> None:
    module = network()
    masks = start(module)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    with pytest.raises(PruningError, match=r"kept weights must lie within the allowed mask; got \d+ outside it"):
        RigL(module, masks, optimizer, end=9, generator=generator(), allowed=random_within(masks, 0.2, generator()))
    with pytest.raises(PruningError, match=r"fraction must be in \[0, 1\]; got 1.5"):
        SET(module, masks, optimizer, end=9, generator=generator(), fraction=1.5)
    with pytest.raises(PruningError, match="interval and end must be at least 1 step; got 0 and 9"):
        SET(module, masks, optimizer, end=9, generator=generator(), interval=0)
    with pytest.raises(PruningError, match=r"density must be at most the allowed mask's 0\.\d+"):
        random_within(masks, 0.5, generator())
