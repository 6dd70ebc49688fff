from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from torch.nn.utils import prune as torch_prune

from pruning import Evidence, PruningError, Sparsity, prunable, prune
from tests.pruning.nets import NETS, Recurrent, make

EXPECTED = {
    "plain": ["0.weight", "4.weight", "10.weight"],
    "residual": ["stem.weight", "inner.weight", "outer.weight", "shortcut.weight", "head.weight"],
    "separable": ["0.weight", "1.weight", "4.weight", "9.weight"],
    "gru": [
        "cell.weight_ih_l0",
        "cell.weight_hh_l0",
        "cell.weight_ih_l0_reverse",
        "cell.weight_hh_l0_reverse",
        "head.weight",
    ],
    "attention": [
        "embed.weight",
        "block.self_attn.in_proj_weight",
        "block.self_attn.out_proj.weight",
        "block.linear1.weight",
        "block.linear2.weight",
        "head.weight",
    ],
    "tied": ["first.weight", "middle.weight", "head.weight"],
}


@pytest.mark.parametrize("net", sorted(NETS))
def test_weights_in_module_order(net: str) -> None:
    module = make(net)
    found = prunable(module)
    assert list(found) == EXPECTED[net]
    assert all(module.get_parameter(name) is weight for name, weight in found.items())


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (nn.ConvTranspose2d(2, 3, 3), ["weight"]),
        (nn.Conv1d(4, 4, 3, groups=4), ["weight"]),
        (nn.Bilinear(2, 3, 4), ["weight"]),
        (nn.LSTM(3, 4, proj_size=2), ["weight_ih_l0", "weight_hh_l0", "weight_hr_l0"]),
        (nn.GRUCell(3, 4), ["weight_ih", "weight_hh"]),
        (
            nn.MultiheadAttention(4, 2, kdim=3, vdim=5, add_bias_kv=True),
            ["q_proj_weight", "k_proj_weight", "v_proj_weight", "out_proj.weight"],
        ),
        (nn.BatchNorm2d(4), []),
        (nn.LayerNorm([3, 4]), []),
        (nn.Embedding(5, 4), []),
        (nn.PReLU(4), []),
    ],
)
def test_layers(layer: nn.Module, names: list[str]) -> None:
    assert list(prunable(layer)) == names


def test_a_weight_shared_with_an_embedding_is_left_out() -> None:
    module = nn.Sequential(nn.Linear(4, 7, bias=False), nn.Embedding(7, 4), nn.Linear(4, 2))
    module[0].weight = module[1].weight
    assert list(prunable(module)) == ["2.weight"]


def pruned(layer: nn.Module) -> nn.Module:
    torch_prune.identity(layer, "weight")  # type: ignore[no-untyped-call]
    return layer


def test_recurrent_kinds() -> None:
    for kind in (nn.RNN, nn.LSTM, nn.GRU):
        assert len(prunable(Recurrent(kind))) == 5


@pytest.mark.parametrize("layer", [pruned(nn.Linear(3, 4)), parametrizations.weight_norm(nn.Linear(3, 4))])
def test_a_weight_that_is_no_parameter_is_refused(layer: nn.Module) -> None:
    with pytest.raises(PruningError, match=r"must be a plain parameter; got none named 'weight' in .*Linear '1'"):
        prunable(nn.Sequential(nn.Linear(3, 3), layer))


def test_a_weight_without_a_shape_is_refused() -> None:
    with pytest.raises(PruningError, match=r"must have a shape; got a lazy tensor \('weight' of LazyLinear ''\)"):
        prunable(nn.LazyLinear(4))


def test_a_weight_without_values_has_a_shape_but_cannot_be_pruned() -> None:
    module = nn.Sequential(nn.Linear(3, 4, device="meta"))
    assert prunable(module)["0.weight"].shape == (4, 3)
    evidence = Evidence((3,), torch.Generator())
    with pytest.raises(PruningError, match=r"must have values to be pruned; got a meta tensor \('0.weight'\)"):
        prune(module, Sparsity("random", 0.5), evidence)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_frozen_weights_count_and_empty_ones_do_not() -> None:
    module = nn.Sequential(nn.Linear(3, 4).requires_grad_(False), nn.Linear(4, 0))
    assert list(prunable(module)) == ["0.weight"]
    assert all(a is not b for a, b in pairwise(prunable(module).values()))
    assert isinstance(prunable(module)["0.weight"], torch.nn.Parameter)
