from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from pruning import Evidence, PruningError, Sparsity, prunable, prune
from pruning.methods.grasp import grasp
from tests.pruning.nets import Recurrent, evidence, make


def dense(module: nn.Module) -> dict[str, Tensor]:
    return {name: torch.ones_like(w, dtype=torch.bool) for name, w in prunable(module).items()}


def without_dropout(module: nn.Module) -> nn.Module:
    for layer in module.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
        if isinstance(layer, nn.MultiheadAttention):
            layer.dropout = 0.0
    return module


def flow(module: nn.Module, weights: Mapping[str, Tensor], given: Evidence, masks: Mapping[str, Tensor]) -> float:
    """|g|^2 over the kept weights, for the loss of logits / 200: by one plain backward pass."""
    assert given.inputs is not None and given.targets is not None
    leaves = {name: weight.clone().requires_grad_(True) for name, weight in weights.items()}
    logits = functional_call(module, leaves, (given.inputs.double(),))
    loss = functional.cross_entropy(logits / 200, given.targets)
    slopes = torch.autograd.grad(loss, list(leaves.values()))
    return sum(float((g * masks[name]).square().sum()) for name, g in zip(leaves, slopes, strict=True))


def smooth(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 8), nn.Tanh(), nn.Linear(8, 4)).double()


@pytest.mark.parametrize("net", ["residual", "attention", "smooth"])
@pytest.mark.parametrize("density", [1.0, 0.6])
def test_scores_are_finite_differences_of_half_the_flow_over_the_mask(net: str, density: float) -> None:
    module = (smooth() if net == "smooth" else make(net).double()).train()
    given, generator = evidence("tied" if net == "smooth" else net), torch.Generator().manual_seed(2)
    masks = {n: torch.rand(w.shape, generator=generator) < density for n, w in prunable(module).items()}
    scores = grasp(module, given)(masks)
    without_dropout(module)
    weights = {name: w.detach() * masks[name] for name, w in prunable(module).items()}
    step = 1e-4
    for name, weight in weights.items():
        for index in range(0, weight.numel(), max(1, weight.numel() // 5)):
            ends = []
            for sign in (1, -1):
                moved = weight.clone()
                moved.view(-1)[index] *= 1 + sign * step
                ends.append(flow(module, {**weights, name: moved}, given, masks))
            slope = (ends[0] - ends[1]) / (4 * step)
            largest = float(scores[name].abs().max())
            assert float(scores[name].view(-1)[index]) == pytest.approx(slope, abs=2e-5 * largest, rel=1e-4)


def test_removing_a_weight_changes_the_flow_by_minus_two_scores() -> None:
    # To first order, so each weight in turn is made small before it is removed. The kept ones are those whose
    # removal lowers the flow: a score with the wrong sign would fail here.
    module, given = smooth(), evidence("tied")
    masks = dense(module)
    signs = set()
    for name, parameter in prunable(module).items():
        for index in range(0, parameter.numel(), 7):
            with torch.no_grad():
                original = parameter.clone()
                parameter.view(-1)[index] *= 1e-4
            score = float(grasp(module, given)(masks)[name].view(-1)[index])
            weights = {n: w.detach().clone() for n, w in prunable(module).items()}
            dense_flow = flow(module, weights, given, masks)
            weights[name].view(-1)[index] = 0.0
            change = flow(module, weights, given, masks) - dense_flow
            assert change == pytest.approx(-2 * score, rel=2e-3, abs=1e-8 * dense_flow)
            signs.add(change > 0)
            with torch.no_grad():
                parameter.copy_(original)
    assert signs == {True, False}


def test_the_largest_signed_scores_are_kept() -> None:
    module, given = smooth(), evidence("tied")
    masks = prune(module, Sparsity("grasp", 0.4), given)
    scores = grasp(module, given)(dense(module))
    kept = torch.cat([scores[name][masks[name]] for name in masks])
    removed = torch.cat([scores[name][~masks[name]] for name in masks])
    assert kept.min() >= removed.max()
    assert removed.min() < 0 < kept.max()


def test_removed_weights_do_not_return_above_negative_scores() -> None:
    masks = prune(smooth(), Sparsity("grasp", 0.8, rounds=4), evidence("tied"))
    scores = grasp(smooth(), evidence("tied"))(masks)
    assert any(bool((scores[name][masks[name]] < 0).any()) for name in masks)  # zero would outrank them


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_are_differentiated_twice(kind: type[nn.RNNBase]) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = Recurrent(kind)  # float32: the fused kernels have no second derivative
    before = torch.backends.cudnn.enabled, torch._C._get_mkldnn_enabled()
    scores = grasp(module, evidence("gru"))(dense(module))
    exact = grasp(module.double(), evidence("gru"))(dense(module))
    assert (torch.backends.cudnn.enabled, torch._C._get_mkldnn_enabled()) == before
    for name in scores:
        torch.testing.assert_close(scores[name], exact[name], rtol=1e-3, atol=1e-4 * float(exact[name].abs().max()))


def test_missing_labels_are_named() -> None:
    full = evidence("tied")
    with pytest.raises(PruningError, match=r"grasp must have a labelled batch; got no targets \(evidence.targets\)"):
        prune(make("tied"), Sparsity("grasp", 0.5), Evidence((6,), full.generator, full.inputs))
