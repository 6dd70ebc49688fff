"""Layer densities taken from an existing mask."""

from __future__ import annotations

import pytest

from pruning import MaskSet, PruningError, Sparsity, densities_like, prune
from tests.pruning.nets import evidence, make


def guide(net: str, density: float = 0.3) -> MaskSet:
    return prune(make(net), Sparsity("magnitude", density), evidence(net))


@pytest.mark.parametrize("net", ["plain", "residual", "gru"])
def test_a_shuffled_twin_has_the_counts_and_not_the_places(net: str) -> None:
    masks = guide(net)
    sparsity = Sparsity("random", masks.density, densities=densities_like(masks))
    twin = prune(make(net), sparsity, evidence(net))
    assert twin.counts() == masks.counts()
    assert all(not twin[name].equal(masks[name]) for name in masks if 0.05 < masks.layer_densities()[name] < 0.95)


@pytest.mark.parametrize("density", [0.02, 0.1, 0.7, 1.0])
def test_another_density_keeps_the_proportions_as_far_as_layers_go(density: float) -> None:
    masks = guide("residual")
    sparsity = Sparsity("snip", density, densities=densities_like(masks, density))
    twin = prune(make("residual"), sparsity, evidence("residual"))
    assert twin.kept == round(density * twin.total)
    factor = density / masks.density
    sizes = {name: mask.numel() for name, mask in masks.items()}
    if density == 0.1:  # no layer fills
        assert all(abs(twin.counts()[name] - factor * masks.counts()[name]) < 1 for name in sizes)


def test_an_empty_layer_keeps_one_weight() -> None:
    masks = dict(guide("plain"))
    masks["4.weight"] = masks["4.weight"] & False
    sparsity = Sparsity("random", 0.2, densities=densities_like(MaskSet(masks), 0.2))
    assert prune(make("plain"), sparsity, evidence("plain")).counts()["4.weight"] == 1


def test_too_low_a_density_is_refused() -> None:
    with pytest.raises(PruningError, match="at least one weight in each of 3 layers"):
        densities_like(guide("plain"), 1e-6)
