"""The space mlp."""

import itertools

import torch
from torch import nn

from search_spaces import SPACES, Architecture, Signature
from search_spaces.architecture import Value

MLP = SPACES["mlp"]


def _mlp(norm: str, *widths: int) -> Architecture:
    values: dict[str, Value] = {"layers": len(widths), "activation": "relu", "norm": norm}
    values |= {f"layer{i}.width": widths[min(i, len(widths)) - 1] for i in range(1, 6)}
    return MLP.encode(values)


def test_weight_shapes_chain_from_the_flat_input_to_the_classes() -> None:
    module = MLP.build(_mlp("none", 256, 8, 64), Signature((1, 8, 8), 10), generator=torch.Generator())
    linear = [m for m in module.modules() if isinstance(m, nn.Linear)]
    assert [tuple(m.weight.shape) for m in linear] == [(256, 64), (8, 256), (64, 8), (10, 64)]
    assert all(m.bias is not None for m in linear)


def test_batch_norm_replaces_the_bias_of_hidden_layers_only() -> None:
    module = MLP.build(_mlp("batch", 16, 32), Signature((5,), 3), generator=torch.Generator())
    names = [name for name, _ in module.named_parameters()]
    assert names == [
        "layer1.linear.weight",
        "layer1.norm.weight",
        "layer1.norm.bias",
        "layer2.linear.weight",
        "layer2.norm.weight",
        "layer2.norm.bias",
        "layer2.head.weight",
        "layer2.head.bias",
    ]


def test_output_by_hand_without_norm() -> None:
    module = MLP.build(_mlp("none", 8), Signature((2, 3), 4), generator=torch.Generator().manual_seed(0))
    p = dict(module.named_parameters())
    x = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(1))
    hidden = (x.reshape(5, 6) @ p["layer1.linear.weight"].T).clamp(min=0)
    assert torch.allclose(module(x), hidden @ p["layer1.head.weight"].T, atol=1e-6)


def test_describe_reads_like_the_network() -> None:
    assert MLP.describe(_mlp("batch", 256, 64)) == "relu, batch norm | 256 > 64"
    assert MLP.describe(_mlp("none", 1024)) == "relu | 1024"


def test_networks_of_one_and_two_layers_number_8_and_64() -> None:
    widths = itertools.product(range(8), range(8), (0, 5), (0,), (1,))
    genomes = [Architecture("mlp", (d, 0, 0, *w)) for w in widths for d in (0, 1)]
    assert len({MLP.canonical(genome) for genome in genomes}) == 8 + 8**2
