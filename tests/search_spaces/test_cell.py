"""Cells as modules: the published parameter counts, and the sum at each node by hand."""

from __future__ import annotations

import pytest
import torch

from search_spaces import Architecture, Signature, SpaceError
from search_spaces.cell import Cell, CellSpace
from search_spaces.cell_graph import live_edges, parse

SPACE = CellSpace()
CIFAR = Signature((3, 32, 32), 10)


@pytest.mark.parametrize(
    ("cell", "millions"),
    [
        (
            "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
            0.129306,
        ),
        (
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
            0.802426,
        ),
    ],
)
def test_parameters_are_as_many_as_published(cell: str, millions: float) -> None:
    """Dong and Yang's tables, to the last weight."""
    module = SPACE.skeleton(Architecture("cell", parse(cell)), CIFAR)
    assert sum(parameter.numel() for parameter in module.parameters()) == round(millions * 1e6)


def test_a_node_is_the_sum_of_its_edges() -> None:
    genes = parse("|skip_connect~0|+|avg_pool_3x3~0|skip_connect~1|+|skip_connect~0|none~1|avg_pool_3x3~2|")
    cell, x = Cell(live_edges(genes), 4), torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    pool = torch.nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    assert torch.allclose(cell(x), x + pool(pool(x) + x), atol=1e-6)


def test_only_live_edges_are_built() -> None:
    genes = parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|none~2|")
    names = [name for name, _ in Cell(live_edges(genes), 4).named_parameters()]
    assert names == []


def test_a_dead_cell_gives_zeros_and_gradients() -> None:
    cell, x = Cell((), 4), torch.ones(1, 4, 2, 2, requires_grad=True)
    cell(x).sum().backward()
    assert x.grad is not None and not x.grad.any()


def test_flat_inputs_are_refused() -> None:
    with pytest.raises(SpaceError, match=r"space 'cell' must have images .*; got \(64,\)"):
        SPACE.skeleton(Architecture("cell", (1,) * 6), Signature((64,), 10))
