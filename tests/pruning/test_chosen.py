"""The seam for methods that choose whole paths instead of ranking weights."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

import pruning.methods as methods
from pruning import Evidence, PruningError, Sparsity, connectivity, prunable, prune
from tests.pruning.nets import evidence, make


def first_weights(module: nn.Module, given: Evidence, kept: int, layers: Sequence[str]) -> dict[str, Tensor]:
    """One weight in each layer, then the first ones in module order."""
    sizes = {name: weight.numel() for name, weight in prunable(module).items()}
    masks, left = {}, kept - len(layers)
    for name in layers:
        weight = prunable(module)[name]
        count = min(sizes[name], 1 + left)
        left -= count - 1
        masks[name] = (torch.arange(sizes[name]) < count).view(weight.shape)
    return masks


def too_few(module: nn.Module, given: Evidence, kept: int, layers: Sequence[str]) -> dict[str, Tensor]:
    return first_weights(module, given, kept - 1, layers)


@pytest.fixture(autouse=True)
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, method in (("first_weights", first_weights), ("too_few", too_few)):
        monkeypatch.setitem(methods.CHOSEN, name, method)
        monkeypatch.setitem(methods.METHODS, name, method)


def test_its_masks_are_returned() -> None:
    masks = prune(make("plain"), Sparsity("first_weights", 0.4), evidence("plain"))
    assert masks.kept == round(0.4 * masks.total)
    assert bool(masks["0.weight"].all())
    assert masks.metadata["method"] == "first_weights"


@pytest.mark.parametrize("method", ["phew", "npb", "first_weights"])
@pytest.mark.parametrize("ends", ["pruned", "first_dense", "all_dense"])
def test_excluded_layers_are_dense_and_outside_the_count(method: str, ends: str) -> None:
    masks = prune(make("residual"), Sparsity(method, 0.3, exclude=("shortcut*",), ends=ends), evidence("residual"))
    dense = {
        "shortcut.weight",
        *{"first_dense": ["stem.weight"], "all_dense": ["stem.weight", "head.weight"]}.get(ends, []),
    }
    assert all(bool(masks[name].all()) for name in dense)
    own = {name: mask for name, mask in masks.items() if name not in dense}
    assert sum(int(mask.sum()) for mask in own.values()) == round(0.3 * sum(mask.numel() for mask in own.values()))
    assert all(bool(mask.any()) for mask in own.values())
    assert list(masks) == list(prunable(make("residual")))


@pytest.mark.parametrize("method", ["phew", "npb"])
def test_paths_go_through_dense_layers(method: str) -> None:
    masks = prune(make("residual"), Sparsity(method, 0.2, exclude=("inner*",)), evidence("residual"))
    found = connectivity(make("residual"), masks, (3, 8, 8))
    assert all(layer.effective == layer.kept for layer in found.layers if layer.name != "inner.weight")


@pytest.mark.parametrize("change", [{"allocation": "erk"}, {"rounds": 2}, {"multipliers": (("*", 1.0),)}])
def test_what_it_cannot_obey_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(PruningError, match="must have allocation 'global', one round and no multipliers"):
        prune(make("plain"), Sparsity("first_weights", 0.4, **change), evidence("plain"))  # type: ignore[arg-type]


def test_a_wrong_count_is_a_fault() -> None:
    with pytest.raises(PruningError, match="must keep exactly 236 weights"):
        density = 236 / sum(weight.numel() for weight in prunable(make("plain")).values())
        prune(make("plain"), Sparsity("too_few", density), evidence("plain"))
