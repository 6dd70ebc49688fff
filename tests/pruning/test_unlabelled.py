"""SNIP without labels: the uniform target and the size of the logits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pruning import Evidence, PruningError, Sparsity, prunable, prune
from pruning.methods.snip_logits import snip_logits
from pruning.methods.snip_unlabelled import snip_unlabelled
from tests.pruning.nets import evidence, make

METHODS = {"snip_unlabelled": snip_unlabelled, "snip_logits": snip_logits}
both = pytest.mark.parametrize("method", sorted(METHODS))


def unlabelled(net: str) -> Evidence:
    full = evidence(net)
    return Evidence(full.input_shape, torch.Generator().manual_seed(0), full.inputs)


def dense(module: nn.Module) -> dict[str, Tensor]:
    return {name: torch.ones_like(w, dtype=torch.bool) for name, w in prunable(module).items()}


def linear() -> tuple[nn.Linear, Tensor, Evidence]:
    layer = nn.Linear(6, 4, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.randn(4, 6, generator=torch.Generator().manual_seed(5)))
    given = unlabelled("tied")
    assert given.inputs is not None
    return layer, given.inputs.double(), given


def test_uniform_target_by_hand() -> None:
    # d loss / d logits = (softmax - 1/4) / n, so d loss / d W = that^T x
    layer, inputs, given = linear()
    slope = (layer(inputs).detach().softmax(1) - 0.25).T @ inputs / len(inputs)
    expected = (slope * layer.weight.detach()).abs()
    torch.testing.assert_close(snip_unlabelled(layer, given)(dense(layer))["weight"], expected)


def test_logit_norm_by_hand() -> None:
    layer, inputs, given = linear()
    expected = (2 * layer(inputs).detach().T @ inputs / len(inputs) * layer.weight.detach()).abs()
    torch.testing.assert_close(snip_logits(layer, given)(dense(layer))["weight"], expected)


@both
def test_the_order_of_the_classes_does_not_matter(method: str) -> None:
    module, order = make("tied").double(), torch.tensor([2, 0, 3, 1])
    before = METHODS[method](module, unlabelled("tied"))(dense(module))
    head = module.head
    assert isinstance(head, nn.Linear)
    with torch.no_grad():
        head.weight.copy_(head.weight[order].clone())
        head.bias.copy_(head.bias[order].clone())
    after = METHODS[method](module, unlabelled("tied"))(dense(module))
    before["head.weight"] = before["head.weight"][order]
    for name in before:
        torch.testing.assert_close(after[name], before[name])


@both
def test_labels_are_not_looked_at(method: str) -> None:
    sparsity = Sparsity(method, 0.3, rounds=3)
    assert prune(make("plain"), sparsity, unlabelled("plain")) == prune(make("plain"), sparsity, evidence("plain"))


@both
def test_missing_inputs_are_named(method: str) -> None:
    with pytest.raises(PruningError, match=rf"{method} must have a batch; got no inputs \(evidence.inputs\)"):
        prune(make("tied"), Sparsity(method, 0.5), Evidence((6,), torch.Generator()))


@pytest.mark.parametrize("method", [*METHODS, "snip", "force"])
def test_a_loss_that_no_weight_moves_is_refused_and_not_diced(method: str) -> None:
    module = make("tied")
    head = module.head
    assert isinstance(head, nn.Linear)
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
    with pytest.raises(
        PruningError, match=rf"{method} must see a loss that depends on the weights; got a score of zero"
    ):
        prune(module, Sparsity(method, 0.5), evidence("tied"))
