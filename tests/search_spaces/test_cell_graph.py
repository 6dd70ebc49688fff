"""Cells of NAS-Bench-201 as graphs: strings, live parts, classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import SpaceError
from search_spaces.cell_graph import (
    COUNT,
    EDGES,
    INPUT,
    OUTPUT,
    Genes,
    all_cells,
    canonical,
    edges,
    function_key,
    isomorphism_key,
    live_edges,
    number,
    parse,
    text,
)

NONE, SKIP, CONV1, CONV3, POOL = range(5)
GENES = st.tuples(*[st.integers(0, 4)] * 6)


@given(GENES)
@settings(deadline=None)
def test_a_string_and_its_genes_are_each_others_inverse(genes: Genes) -> None:
    assert parse(text(genes)) == genes


def test_the_string_is_the_published_one() -> None:
    written = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    assert parse(written) == (POOL, CONV1, SKIP, CONV1, SKIP, SKIP)


def test_a_number_is_a_position() -> None:
    cells = all_cells()
    assert len(cells) == COUNT
    assert all(number(cells[position]) == position for position in (0, 1, 5, 7_777, COUNT - 1))


@pytest.mark.parametrize("written", ["", "|none~0|", "|none~0|+|none~1|none~0|+|none~0|none~1|none~2|"])
def test_other_strings_are_refused(written: str) -> None:
    with pytest.raises(SpaceError, match=r"cell must read \|op~0\|\+.* Copy the architecture string"):
        parse(written)


def test_other_operations_and_genes_are_refused() -> None:
    with pytest.raises(SpaceError, match=r"with op one of none, skip_connect, .*; got "):
        parse(text((NONE,) * 6).replace("none~2", "max_pool~2"))
    with pytest.raises(SpaceError, match=r"cell must have 6 genes in 0\.\.4; got \(0, 5\)"):
        edges((0, 5))


def test_there_are_as_many_cells_and_classes_as_published() -> None:
    cells = all_cells()
    assert len(set(cells)) == 15_625
    assert len({isomorphism_key(genes) for genes in cells}) == 6_466
    assert len({canonical(genes) for genes in cells}) == 4_660


@given(GENES)
@settings(deadline=None)
def test_canonical_cells_are_fixed_points_of_their_class(genes: Genes) -> None:
    chosen = canonical(genes)
    assert canonical(chosen) == chosen <= genes
    assert function_key(chosen) == function_key(genes)


@given(GENES)
@settings(deadline=None)
def test_live_edges_are_those_of_all_paths(genes: Genes) -> None:
    """Oracle: every path from input to output, written out."""
    present = {(s, t) for (s, t), gene in zip(EDGES, genes, strict=True) if gene != NONE}
    routes = [[(0, 3)], [(0, 1), (1, 3)], [(0, 2), (2, 3)], [(0, 1), (1, 2), (2, 3)]]
    expected = {edge for route in routes if present >= set(route) for edge in route}
    assert {(edge.source, edge.target) for edge in live_edges(genes)} == expected


def _computed(genes: Genes, image: np.ndarray) -> np.ndarray:
    """The cell with fixed nonlinear maps, 0 to 0, for the convolutions and a circular mean for the pooling."""
    maps = {
        "nor_conv_1x1": lambda x: np.tanh(1.3 * x),
        "nor_conv_3x3": lambda x: np.tanh(np.roll(x, 1) - 0.7 * x),
        "avg_pool_3x3": lambda x: (np.roll(x, 1) + x + np.roll(x, -1)) / 3,
        "skip_connect": lambda x: x,
        "none": lambda x: 0 * x,
    }
    values = {INPUT: image, **{node: np.zeros_like(image) for node in range(1, OUTPUT + 1)}}
    for source, target, operation in edges(genes):
        values[target] = values[target] + maps[operation](values[source])
    return values[OUTPUT]


def test_cells_of_one_class_compute_the_same_and_others_do_not() -> None:
    """Oracle: run the cells; 2,000 cells (seeded), every pair decided by 16 figures each to 1e-9."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=16)
    everything = all_cells()
    cells = [everything[i] for i in rng.choice(15_625, 2_000, replace=False)]
    outputs = [tuple(np.round(_computed(genes, image), 9) + 0.0) for genes in cells]
    by_key: dict[object, set[object]] = {}
    for genes, output in zip(cells, outputs, strict=True):
        by_key.setdefault(function_key(genes), set()).add(output)
    assert all(len(found) == 1 for found in by_key.values())
    assert len(set(outputs)) == len(by_key)
