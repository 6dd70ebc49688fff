from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from pruning import Evidence, PruningError, Sparsity, prunable, prune
from pruning.methods.snip import snip
from tests.pruning.nets import evidence, make


def dense(module: nn.Module) -> dict[str, Tensor]:
    return {name: torch.ones_like(w, dtype=torch.bool) for name, w in prunable(module).items()}


def test_two_weights_by_hand() -> None:
    # logits (a, b) = (w1, w2) x at x = 1, target 0: dL/da = p0 - 1, dL/db = p1.
    module = nn.Linear(1, 2, bias=False)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[0.5], [-2.0]]))
    given = Evidence((1,), torch.Generator(), torch.ones(1, 1), torch.zeros(1, dtype=torch.int64))
    score = snip(module, given)(dense(module))["weight"]
    p1 = 1 / (1 + math.exp(2.5))
    assert score.dtype == torch.float64
    assert score.flatten().tolist() == pytest.approx([0.5 * p1, 2.0 * p1], rel=1e-6)


def loss_at(module: nn.Module, weights: Mapping[str, Tensor], given: Evidence) -> float:
    assert given.inputs is not None and given.targets is not None
    with torch.no_grad():
        logits = functional_call(module, dict(weights), (given.inputs.double(),))
        return float(functional.cross_entropy(logits, given.targets))


@pytest.mark.parametrize("net", ["residual", "tied", "attention"])
def test_scores_are_finite_differences_of_the_loss_over_the_mask(net: str) -> None:
    module, given = make(net).double().train(), evidence(net)
    scores = snip(module, given)(dense(module))
    for layer in module.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
        if isinstance(layer, nn.MultiheadAttention):
            layer.dropout = 0.0
    weights = {name: w.detach() for name, w in prunable(module).items()}
    step = 1e-4
    for name, weight in weights.items():
        for index in range(0, weight.numel(), max(1, weight.numel() // 5)):
            ends = []
            for sign in (1, -1):
                moved = weight.clone()
                moved.view(-1)[index] *= 1 + sign * step
                ends.append(loss_at(module, {**weights, name: moved}, given))
            slope = abs(ends[0] - ends[1]) / (2 * step)
            assert float(scores[name].view(-1)[index]) == pytest.approx(slope, abs=1e-9, rel=1e-5)


def test_batch_statistics_are_used_whatever_the_mode() -> None:
    module = make("plain")
    for name, buffer in module.named_buffers():
        if name.endswith("running_var"):
            buffer.fill_(1e6)  # evaluation mode would shrink all signals to nothing
    train, evaluate = (prune(module.train(mode), Sparsity("snip", 0.3), evidence("plain")) for mode in (True, False))
    assert train == evaluate == prune(make("plain"), Sparsity("snip", 0.3), evidence("plain"))


def test_masked_weights_change_the_scores_of_the_others() -> None:
    module = make("tied")
    masks = dense(module)
    before = snip(module, evidence("tied"))(masks)
    masks["first.weight"][0] = False
    after = snip(module, evidence("tied"))(masks)
    assert not bool(after["first.weight"][0].any())
    assert not torch.equal(before["head.weight"], after["head.weight"])


@pytest.mark.parametrize("missing", ["inputs", "targets"])
def test_missing_data_is_named(missing: str) -> None:
    full = evidence("tied")
    given = Evidence((6,), full.generator, full.inputs if missing == "targets" else None, None)
    with pytest.raises(
        PruningError, match=rf"snip must have a labelled batch; got no {missing} \(evidence.{missing}\)"
    ):
        prune(make("tied"), Sparsity("snip", 0.5), given)


def test_a_class_out_of_range_is_one_clear_line() -> None:
    full = evidence("tied")
    given = Evidence((6,), full.generator, full.inputs, torch.full((12,), 9))
    with pytest.raises(PruningError, match="got 'Target 9 is out of bounds"):
        prune(make("tied"), Sparsity("snip", 0.5), given)
