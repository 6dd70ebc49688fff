"""Features of cells: by hand, by definition, and what must not change them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from predictors import PredictorError
from predictors.cells import CELL_GROUPS, cell_features, cell_graph, cell_matrix
from predictors.cells.meanfield import relu_correlation

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
NONE, SKIP, CONV1, CONV3, POOL = "none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"


def _cell(*operations: str) -> list[tuple[int, int, str]]:
    return [(source, target, name) for (source, target), name in zip(EDGES, operations, strict=True)]


def _random_cells(count: int) -> list[list[tuple[int, int, str]]]:
    rng = np.random.default_rng(0)
    return [_cell(*rng.choice([NONE, SKIP, CONV1, CONV3, POOL], 6)) for _ in range(count)]


def test_the_groups_have_as_many_columns_as_published() -> None:
    counts = {"structure": 53, "meanfield": 9, "sequences": 40, "operations": 30, "graf": 191}
    for group, count in counts.items():
        names, matrix = cell_matrix(_random_cells(40), (group,))
        assert len(set(names)) == matrix.shape[1] == count
        assert np.isfinite(matrix).all()
    assert set(counts) == set(CELL_GROUPS)


def test_paths_by_hand() -> None:
    graph = cell_graph(_cell(CONV3, NONE, POOL, SKIP, NONE, CONV1))
    assert set(graph.sequences) == {(CONV3, POOL, CONV1), ()}
    assert graph.live == ((0, 1, CONV3), (1, 2, POOL), (0, 3, SKIP), (2, 3, CONV1))


def test_structure_by_hand() -> None:
    """x -> 3x3 -> pool -> 1x1 -> out, and a skip: variances 1, 1, 1/2, then 1 + 1."""
    row = cell_features(_cell(CONV3, NONE, POOL, SKIP, NONE, CONV1), ("structure",))
    found = {name.removeprefix("structure/"): value for name, value in row.items()}
    expected = {
        "skips": 1, "conv1": 1, "conv3": 1, "pools": 1, "edges": 4, "convs": 2, "params": 10,
        "log_params": math.log(11), "paths": 2, "dead": 0, "convs_min": 0, "convs_max": 2, "convs_mean": 1,
        "reach_max": 4, "length_max": 3, "length_mean": 1.5, "paths_identity": 1, "has_identity": 1,
        "paths_with_conv": 1, "paths_conv_no_pool": 0, "paths_without_pool": 1, "sequences": 2,
        "gain_3_1.5": math.log(0.001 + 1 + 3 * 1.5 * 0.5), "into_output": 2, "into_output_conv": 1, "from_input": 2,
        "pool_conv": 1, "conv_pool": 1, "mixed_variance": 2, "mixed_identity": 0.5, "mixed_depth": 1,
        "mixed_depth3": 0.5, "mixed_blur": 0.5, "regions": 2 * math.log(2), "conv_inputs": 2, "input_sets": 2,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_a_cell_without_a_path_is_described_as_such() -> None:
    row = cell_features(_cell(CONV3, CONV3, CONV3, NONE, NONE, NONE))
    assert row["structure/dead"] == 1.0 and row["structure/params"] == 0.0 and row["structure/convs_max"] == -1.0
    assert row["meanfield/correlation_15"] == 1.0
    assert all(value == 0.0 for name, value in row.items() if name.startswith("sequences/"))


def test_dead_edges_do_not_change_the_recipes_features() -> None:
    alive = _cell(NONE, CONV3, NONE, SKIP, NONE, POOL)
    with_dead = _cell(CONV3, CONV3, NONE, SKIP, NONE, POOL)
    assert cell_features(alive) == cell_features(with_dead)
    assert cell_features(alive, ("graf",)) != cell_features(with_dead, ("graf",))


def test_renumbering_inner_nodes_changes_nothing() -> None:
    """Nodes 1 and 2 without an edge between them are interchangeable; sums are equal to rounding."""
    first = cell_features(_cell(CONV3, POOL, NONE, CONV1, SKIP, CONV3))
    second = cell_features(_cell(POOL, CONV3, NONE, CONV1, CONV3, SKIP))
    assert first == pytest.approx(second)


def test_relu_correlation_is_the_simulated_one() -> None:
    """Oracle: 10^6 normal pairs through ReLU; a correlation has standard error 0.001, five of them are allowed."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 10**6))
    for c in (-0.5, 0.2, 0.9):
        pair = np.maximum(a, 0), np.maximum(c * a + math.sqrt(1 - c * c) * b, 0)
        assert relu_correlation(c) == pytest.approx(float(np.corrcoef(*pair)[0, 1]), abs=0.005)
    assert relu_correlation(1.0) == pytest.approx(1.0)


def test_meanfield_by_hand() -> None:
    """Skip beside a convolution: variance 1 + 1, correlation the mean; skip beside a pool: amplitudes add."""
    row = cell_features(_cell(NONE, CONV3, NONE, SKIP, NONE, SKIP), ("meanfield",))
    assert row["meanfield/log_variance_1"] == pytest.approx(math.log(2))
    assert row["meanfield/correlation_1"] == pytest.approx((0.2 + relu_correlation(0.2)) / 2)
    row = cell_features(_cell(NONE, POOL, NONE, SKIP, NONE, SKIP), ("meanfield",))
    assert row["meanfield/log_variance_1"] == pytest.approx(2 * math.log(1 + math.sqrt(0.5)))
    assert row["meanfield/correlation_1"] == pytest.approx(0.2)


def test_graf_by_hand() -> None:
    row = cell_features(_cell(CONV3, NONE, CONV3, POOL, NONE, CONV1), ("graf",))
    assert (row["graf/count_none"], row["graf/count_nor_conv_3x3"]) == (2, 2)
    assert (row["graf/shortest_c"], row["graf/longest_c"]) == (6, 0)  # no path of 3x3 alone
    assert (row["graf/shortest_a_c"], row["graf/longest_a_c_p"]) == (3, 3)
    assert (row["graf/shortest_a_c_p"], row["graf/from_input_n_p"], row["graf/into_output_a"]) == (1, 2, 1)


def test_sequences_by_hand() -> None:
    row = cell_features(_cell(CONV3, SKIP, POOL, SKIP, SKIP, CONV1), ("sequences",))
    expected = {"sequences/x": 1, "sequences/c": 1, "sequences/cpa": 1, "sequences/a": 1}
    assert {name for name, value in row.items() if value} == set(expected)
    assert row["sequences/c"] == pytest.approx(2 * math.log(2))


def test_bad_cells_are_one_line() -> None:
    with pytest.raises(PredictorError, match=r"unknown operation 'max_pool'"):
        cell_features([(0, 1, "max_pool")])
    with pytest.raises(PredictorError, match=r"a cell's edges must rise from node 0; got 2 -> 1"):
        cell_features([(2, 1, SKIP)])
    with pytest.raises(PredictorError, match=r"a cell must have at least one edge; got none"):
        cell_features([])
    with pytest.raises(PredictorError, match=r"unknown cell feature group 'graph'; did you mean 'graf'\?"):
        cell_features(_cell(*[SKIP] * 6), ("graph",))
    many = [(s, t, SKIP) for s in range(16) for t in range(s + 1, 16)]
    with pytest.raises(PredictorError, match=r"a cell must have at most 10000 paths; got more \(120 edges\)"):
        cell_features(many)
    with pytest.raises(PredictorError, match=r"cells must hold at least one; got none"):
        cell_matrix([])
