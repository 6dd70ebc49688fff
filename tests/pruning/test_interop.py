"""To and from torch.nn.utils.prune, and the view of a mask set as data."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune

from pruning import MaskSet, PruningError, Sparsity, from_torch, hold_, prunable, prune, to_torch_, view
from tests.pruning.nets import NETS, evidence, make

every_net = pytest.mark.parametrize("net", sorted(NETS))


def masks_for(net: str) -> MaskSet:
    return prune(make(net), Sparsity("random", 0.4, "erk"), evidence(net))


@every_net
def test_round_trip(net: str) -> None:
    masks = masks_for(net)
    found = from_torch(to_torch_(make(net), masks), {"origin": "here"})
    assert found == masks
    assert list(found) == list(masks)
    assert dict(found.metadata) == {"origin": "here"}


@every_net
def test_the_network_computes_what_a_held_one_does(net: str) -> None:
    masks, inputs = masks_for(net), evidence(net).inputs
    held, theirs = make(net).eval(), to_torch_(make(net), masks).eval()
    hold_(held, masks)
    with torch.no_grad():
        expected = held(inputs)
        torch.testing.assert_close(theirs(inputs), expected)
        for layer in theirs.modules():
            for leaf in [name.removesuffix("_orig") for name in layer._parameters if name.endswith("_orig")]:
                torch_prune.remove(layer, leaf)  # type: ignore[no-untyped-call]
        torch.testing.assert_close(theirs(inputs), expected)
    assert all(torch.equal(prunable(theirs)[name] != 0, mask) for name, mask in masks.items())


def test_their_own_methods_are_read() -> None:
    module = make("plain")
    layers = [(m, "weight") for m in module.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    torch_prune.global_unstructured(layers, torch_prune.L1Unstructured, amount=0.75)
    masks = from_torch(module)
    ours = prune(make("plain"), Sparsity("magnitude", masks.density), evidence("plain"))
    assert masks == ours


def test_untouched_layers_are_dense() -> None:
    module = make("plain")
    torch_prune.random_unstructured(module[0], "weight", amount=10)  # type: ignore[index, no-untyped-call]
    masks = from_torch(module)
    assert masks.total - masks.kept == 10
    assert list(masks) == ["0.weight", "4.weight", "10.weight"]
    assert from_torch(make("plain")).density == 1.0


def test_a_masked_bias_is_refused() -> None:
    module = make("plain")
    torch_prune.random_unstructured(module[10], "bias", amount=1)  # type: ignore[index, no-untyped-call]
    with pytest.raises(PruningError, match="only prunable weights may be masked; got a mask of 'bias' in Linear '10'"):
        from_torch(module)


def test_masks_of_another_network_are_refused() -> None:
    with pytest.raises(PruningError, match="every prunable weight must have a mask"):
        to_torch_(make("plain"), masks_for("tied"))


def test_view_is_json_and_adds_up() -> None:
    masks = masks_for("separable")
    seen = json.loads(json.dumps(view(masks)))
    assert (seen["kept"], seen["total"], seen["digest"]) == (masks.kept, masks.total, masks.digest())
    assert list(seen["layers"]) == list(masks)
    assert sum(layer["kept"] for layer in seen["layers"].values()) == masks.kept
    assert {name: layer["density"] for name, layer in seen["layers"].items()} == masks.layer_densities()
    assert seen["layers"]["1.weight"] == {
        "shape": [8, 1, 3, 3],
        "kept": int(masks["1.weight"].sum()),
        "total": 72,
        "density": masks.layer_densities()["1.weight"],
    }
    assert seen["metadata"] == dict(masks.metadata)
