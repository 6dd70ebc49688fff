"""Flow repair: every unit connected, nothing else changed."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from pruning import MaskSet, PruningError, Sparsity, prunable, prune
from pruning.graph import trace
from pruning.repair import repair
from pruning.walks import edges_of
from pruning.walks.reach import reached, reaching
from tests.pruning.graph_nets import WIRED, wired
from tests.pruning.nets import NETS, evidence, make

CASES = {
    **{name: (partial(wired, name), shape) for name, (_, shape) in WIRED.items()},
    **{name: (partial(make, name), shape) for name, (_, shape) in NETS.items()},
}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_masks(module: nn.Module, counts: dict[str, int], seed: int) -> MaskSet:
    """Masks with these numbers of weights, anywhere."""
    generator = seeded(seed)
    masks = {}
    for name, weight in prunable(module).items():
        flat = torch.zeros(weight.numel(), dtype=torch.bool)
        flat[torch.randperm(weight.numel(), generator=generator)[: counts[name]]] = True
        masks[name] = flat.view(weight.shape)
    return MaskSet(masks, {"method": "random"})


def enough(module: nn.Module) -> dict[str, int]:
    """The fewest weights with which every row and column can have one, and a few more."""
    return {name: max(weight.shape[0], weight.shape[1]) * 2 for name, weight in prunable(module).items()}


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize("seed", [0, 1])
def test_every_unit_that_could_carry_flow_does(name: str, seed: int) -> None:
    make_net, shape = CASES[name]
    module = make_net()
    sizes = {key: weight.numel() for key, weight in prunable(module).items()}
    counts = {key: min(count, sizes[key]) for key, count in enough(module).items()}
    masks = random_masks(module, counts, seed)
    done = repair(module, masks, shape, seeded(seed))
    graph = trace(module, shape)
    edges = edges_of(graph, prunable(module))
    kept = [layer.by_output(done[layer.name].reshape(layer.values.shape).any(1)) for layer in edges]
    dense = [torch.ones_like(layer.pairs) for layer in edges]
    for could, does in ((reached(graph, dense), reached(graph, kept)), (reaching(graph, dense), reaching(graph, kept))):
        other = [a & b for a, b in zip(reached(graph, dense), reaching(graph, dense), strict=True)]
        assert all(bool(does[node][units].all()) for node, units in enumerate(other)), could
    assert {key: int(done[key].sum()) for key in done} == counts
    assert done == repair(module, done, shape, seeded(99))
    assert done.metadata == masks.metadata
    assert done == repair(module, masks, shape, seeded(seed))


def test_a_mask_without_a_fault_comes_back_as_it_is() -> None:
    module = make("plain")
    masks = prune(module, Sparsity("magnitude", 0.6), evidence("plain"))
    assert repair(module, masks, (3, 8, 8), seeded()) == masks


def test_as_few_weights_move_as_units_are_missing() -> None:
    """A star: one row holds four weights, and three rows none. Three weights move, columns keep their degree."""
    module = nn.Sequential(nn.Linear(4, 4, bias=False))
    mask = torch.zeros(4, 4, dtype=torch.bool)
    mask[1] = True
    done = repair(module, {"0.weight": mask}, (4,), seeded())["0.weight"]
    assert done.sum(0).tolist() == done.sum(1).tolist() == [1, 1, 1, 1]
    assert int((mask & ~done).sum()) == 3


@pytest.mark.parametrize("along", [0, 1])
def test_convolutions_keep_kernel_positions_and_the_other_end(along: int) -> None:
    module = nn.Sequential(nn.Conv2d(3, 5, 3, bias=False), nn.Conv2d(5, 3, 3, bias=False))
    masks = {name: torch.zeros(weight.shape, dtype=torch.bool) for name, weight in prunable(module).items()}
    masks["1.weight"][:] = True
    masks["0.weight"][(slice(1, 2), slice(None)) if along == 0 else (slice(None), slice(1, 2))] = True
    done = repair(module, masks, (3, 9, 9), seeded())
    first = masks["0.weight"]
    assert torch.equal(done["0.weight"].sum((0, 1)), first.sum((0, 1)))  # at each kernel position as many
    assert bool(done["0.weight"].any(3).any(2).any(along).all())
    assert bool(done["0.weight"].any(3).any(2).any(1 - along).all())


def test_depthwise_channels_lend_to_each_other() -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 1, bias=False), nn.Conv2d(4, 4, 3, groups=4, bias=False))
    masks = {
        "0.weight": torch.ones(4, 1, 1, 1, dtype=torch.bool),
        "1.weight": torch.zeros(4, 1, 3, 3, dtype=torch.bool),
    }
    masks["1.weight"][2] = True
    done = repair(module, masks, (1, 5, 5), seeded())["1.weight"]
    assert done.sum((1, 2, 3)).tolist() == [1, 1, 6, 1]


def test_with_too_few_weights_as_many_units_as_can_be_are_connected() -> None:
    module = nn.Sequential(nn.Linear(10, 3, bias=False))
    mask = torch.zeros(3, 10, dtype=torch.bool)
    mask[0, :5] = True
    done = repair(module, {"0.weight": mask}, (10,), seeded())["0.weight"]
    assert int(done.sum()) == 5
    assert bool(done.any(1).all())
    assert int(done.any(0).sum()) == 5


def test_units_that_are_cut_away_are_left_out() -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(3, 6, bias=False), nn.Linear(2, 4, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.second(self.first(x)[:, :2])
            return out

    masks = {"first.weight": torch.zeros(6, 3, dtype=torch.bool), "second.weight": torch.ones(4, 2, dtype=torch.bool)}
    masks["first.weight"][3:] = True  # nine weights at units that are cut away
    done = repair(Cut(), masks, (3,), seeded())["first.weight"]
    assert int(done.sum()) == 9
    assert bool(done[:2].any(1).all()) and bool(done[:2].any(0).all())


def test_masks_of_another_network_are_refused() -> None:
    with pytest.raises(PruningError, match=r"every prunable weight must have a mask; got none for '1.weight'"):
        module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        repair(module, {"0.weight": torch.ones(3, 3, dtype=torch.bool)}, (3,), seeded())
