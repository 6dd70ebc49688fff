from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import optimizer as optimizers

from pruning import MaskSet, PruningError, Sparsity, hold_, prunable, prune
from tests.pruning.nets import NETS, evidence, make

Optimizers = Callable[[Any], torch.optim.Optimizer]

OPTIMIZERS: dict[str, Optimizers] = {
    "sgd": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "sgd-maximize": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.1, maximize=True),
    "adamw": lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.1),
    "adamw-fused": lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.1, fused=True),
    "adam-l2": lambda p: torch.optim.Adam(p, 0.1, weight_decay=0.1, amsgrad=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01, momentum=0.9, centered=True),
}


def masks_for(net: str, module: nn.Module) -> MaskSet:
    return prune(module, Sparsity("random", 0.3), evidence(net))


def dead(module: nn.Module, masks: MaskSet) -> Tensor:
    """All masked weights, as bits: NaN and -0.0 would show."""
    return torch.cat([weight.detach()[~masks[name]] for name, weight in prunable(module).items()])


def is_zero(module: nn.Module, masks: MaskSet) -> bool:
    values = dead(module, masks)
    return bool((values == 0).all())


def step(module: nn.Module, net: str, optimizer: torch.optim.Optimizer, factor: float = 1.0) -> None:
    inputs = evidence(net).inputs
    assert inputs is not None
    optimizer.zero_grad()
    (module(inputs).pow(2).sum() * factor).backward()
    optimizer.step()


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
@pytest.mark.parametrize("net", sorted(NETS))
def test_masked_weights_are_zero_after_every_step(name: str, net: str) -> None:
    module = make(net)
    masks = masks_for(net, module)
    hold_(module, masks)
    assert is_zero(module, masks)
    before = {key: weight.detach().clone() for key, weight in prunable(module).items()}
    optimizer = OPTIMIZERS[name](module.parameters())
    for _ in range(3):
        step(module, net, optimizer)
        assert is_zero(module, masks)
    moved = [not torch.equal(weight, before[key]) for key, weight in prunable(module).items()]
    assert all(moved)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
@pytest.mark.parametrize("factor", [torch.nan, torch.inf])
def test_bad_gradients_do_not_leak(name: str, factor: float) -> None:
    module = make("plain")
    masks = masks_for("plain", module)
    hold_(module, masks)
    optimizer = OPTIMIZERS[name](module.parameters())
    step(module, "plain", optimizer, factor)
    assert not bool(prunable(module)["10.weight"][masks["10.weight"]].isfinite().all())
    assert is_zero(module, masks)
    assert all(bool((w.grad[~masks[n]] == 0).all()) for n, w in prunable(module).items() if w.grad is not None)


def test_clipping_by_a_norm_that_is_nan_does_not_leak() -> None:
    module = make("plain")
    masks = masks_for("plain", module)
    hold_(module, masks)
    inputs = evidence("plain").inputs
    optimizer = OPTIMIZERS["sgd"](module.parameters())
    (module(inputs).sum() * torch.nan).backward()
    nn.utils.clip_grad_norm_(module.parameters(), 1.0)  # multiplies every gradient by NaN, the masked ones too
    optimizer.step()
    assert is_zero(module, masks)


def test_momentum_from_before_the_hold_does_not_leak() -> None:
    module = make("plain")
    optimizer = OPTIMIZERS["sgd"](module.parameters())
    step(module, "plain", optimizer)
    masks = masks_for("plain", module)
    hold_(module, masks)
    for _ in range(3):
        step(module, "plain", optimizer)
        assert is_zero(module, masks)


def test_a_gradient_from_before_the_hold_is_masked() -> None:
    module = make("plain")
    module(evidence("plain").inputs).sum().backward()
    masks = masks_for("plain", module)
    hold_(module, masks)
    assert all(bool((w.grad[~masks[n]] == 0).all()) for n, w in prunable(module).items() if w.grad is not None)


@pytest.mark.parametrize("assign", [False, True])
def test_a_loaded_state_is_masked_and_stays_so(assign: bool) -> None:
    module, other = make("plain"), make("plain", seed=9)
    masks = masks_for("plain", module)
    hold_(module, masks)
    module.load_state_dict(other.state_dict(), assign=assign)
    assert is_zero(module, masks)
    optimizer = OPTIMIZERS["sgd"](module.parameters())
    step(module, "plain", optimizer)
    assert is_zero(module, masks)
    assert all(bool((w.grad[~masks[n]] == 0).all()) for n, w in prunable(module).items() if w.grad is not None)


def test_other_hands_are_undone_at_the_next_forward() -> None:
    module = make("plain")
    masks = masks_for("plain", module)
    hold_(module, masks)
    nn.init.ones_(prunable(module)["0.weight"])
    module(evidence("plain").inputs)
    assert is_zero(module, masks)


def test_two_forward_passes_before_one_backward() -> None:
    module = make("plain")
    hold_(module, masks_for("plain", module))
    inputs = evidence("plain").inputs
    (module(inputs).sum() + module(inputs).sum()).backward()  # an in-place write in between would raise here


def test_training_is_that_of_multiplied_masks() -> None:
    """The held network follows a network whose forward multiplies weights by masks, trained by plain SGD."""
    module = make("tied").double()
    masks = masks_for("tied", module)
    hold_(module, masks)
    free = make("tied").double()
    keep = {name: masks[name].double() for name in masks}
    given = evidence("tied").inputs
    assert given is not None
    inputs = given.double()
    held_steps = torch.optim.SGD(module.parameters(), 0.05, momentum=0.9)
    free_steps = torch.optim.SGD(free.parameters(), 0.05, momentum=0.9)
    for _ in range(5):
        held_steps.zero_grad()
        module(inputs).pow(2).mean().backward()
        held_steps.step()
        free_steps.zero_grad()
        masked = {name: weight * keep[name] for name, weight in prunable(free).items()}
        masked["again.weight"] = masked["middle.weight"]
        torch.func.functional_call(free, masked, (inputs,)).pow(2).mean().backward()
        free_steps.step()
    for name, weight in prunable(module).items():
        torch.testing.assert_close(weight * keep[name], prunable(free)[name] * keep[name], rtol=1e-10, atol=1e-12)


def test_kept_weights_are_not_touched_by_the_hold() -> None:
    module, reference = make("plain"), make("plain")
    masks = masks_for("plain", module)
    hold_(module, masks)
    for name, weight in prunable(module).items():
        assert torch.equal(weight[masks[name]], prunable(reference)[name][masks[name]])


def test_release_frees_the_weights() -> None:
    module = make("plain")
    masks = masks_for("plain", module)
    hold = hold_(module, masks)
    hold.release()
    hold.release()
    step(module, "plain", OPTIMIZERS["sgd"](module.parameters()))
    assert not is_zero(module, masks)
    assert not module._forward_pre_hooks


def test_a_forgotten_module_is_freed_and_its_watch_ends() -> None:
    watches = len(optimizers._global_optimizer_post_hooks)
    module = make("plain")
    hold_(module, masks_for("plain", module))
    assert len(optimizers._global_optimizer_post_hooks) == watches + 1
    gone = weakref.ref(module)
    del module
    gc.collect()
    assert gone() is None
    assert len(optimizers._global_optimizer_post_hooks) == watches


def test_another_network_s_optimiser_is_no_concern() -> None:
    module, other = make("plain"), make("plain", seed=4)
    masks = masks_for("plain", module)
    hold_(module, masks)
    versions = [weight._version for weight in prunable(module).values()]
    step(other, "plain", OPTIMIZERS["adamw"](other.parameters()))
    assert [weight._version for weight in prunable(module).values()] == versions


def test_conversions_keep_the_hold() -> None:
    module = make("plain")
    masks = masks_for("plain", module)
    hold_(module, masks)
    module.double().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    inputs = evidence("plain").inputs
    assert inputs is not None
    optimizer = OPTIMIZERS["adamw"](module.parameters())
    for _ in range(2):
        optimizer.zero_grad()
        module(inputs.double().to(memory_format=torch.channels_last)).pow(2).sum().backward()
        optimizer.step()
        assert is_zero(module, masks)


def test_autocast_and_gradient_scaling() -> None:
    module = make("plain")
    masks = masks_for("plain", module)
    hold_(module, masks)
    optimizer, scaler = OPTIMIZERS["sgd"](module.parameters()), torch.amp.GradScaler("cpu")
    for factor in (1.0, torch.inf, 1.0):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = module(evidence("plain").inputs).float().pow(2).sum() * factor
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        assert is_zero(module, masks)
    assert bool(prunable(module)["0.weight"].isfinite().all())


def test_compiled_in_one_graph() -> None:
    module = make("plain")
    masks = masks_for("plain", module)
    hold_(module, masks)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    optimizer = OPTIMIZERS["sgd"](module.parameters())
    for _ in range(2):
        step(compiled, "plain", optimizer)  # type: ignore[arg-type]
        assert is_zero(module, masks)


def test_a_frozen_weight_is_held_and_a_deep_copy_is_free() -> None:
    module = make("plain")
    prunable(module)["0.weight"].requires_grad_(False)
    masks = masks_for("plain", module)
    hold_(module, masks)
    assert is_zero(module, masks)
    twin = copy.deepcopy(module)
    assert is_zero(twin, masks)
    prunable(module)["0.weight"].requires_grad_(True)
    step(module, "plain", OPTIMIZERS["adamw"](module.parameters()))
    assert is_zero(module, masks)
    assert is_zero(twin, masks)


def test_masks_of_another_network_are_refused_and_nothing_changes() -> None:
    module = make("plain")
    before = copy.deepcopy(module.state_dict())
    with pytest.raises(PruningError, match=r"every prunable weight must have a mask; got none for '0.weight'"):
        hold_(module, masks_for("tied", make("tied")))
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_a_moved_hold_zeroes_what_is_new_and_frees_the_rest() -> None:
    module = make("plain")
    masks = masks_for("plain", module)
    hold = hold_(module, masks)
    turned = MaskSet({name: ~mask for name, mask in masks.items()})
    hold.move(turned)
    assert all(not bool(weight.any()) for weight in prunable(module).values())  # the freed ones start from zero
    optimizer = OPTIMIZERS["adamw"](module.parameters())
    inputs = evidence("plain").inputs
    assert inputs is not None
    with torch.no_grad():
        prunable(module)["10.weight"].fill_(1.0)
        prunable(module)["4.weight"].fill_(1.0)
    optimizer.zero_grad()
    module(inputs).pow(2).sum().backward()
    optimizer.step()
    assert is_zero(module, turned)
    assert not is_zero(module, masks)


def test_a_listener_sees_the_gradient_of_pruned_weights_and_the_weight_does_not() -> None:
    module, free = make("tied"), make("tied")
    masks = masks_for("tied", module)
    hold = hold_(module, masks)
    with torch.no_grad():
        for name, weight in prunable(free).items():
            weight.copy_(prunable(module)[name])
    seen: dict[str, Tensor] = {}
    hold.listen(lambda name, gradient, dead: seen.update({name: gradient.clone()}))
    inputs = evidence("tied").inputs
    for network in (module, free):
        network(inputs).pow(2).sum().backward()
    for name, weight in prunable(free).items():
        assert weight.grad is not None
        torch.testing.assert_close(seen[name], weight.grad)
    assert all(w.grad is not None and not bool(w.grad[~masks[n]].any()) for n, w in prunable(module).items())
    hold.listen(None)
    seen.clear()
    module(inputs).sum().backward()
    assert not seen
