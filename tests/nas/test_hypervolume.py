"""Hypervolume against a grid count, and its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nas.hypervolume import hypervolume, hypervolumes, improvement, nondominated, on_front

integers = st.integers(0, 6)


def grid_volume(points: NDArray[np.float64]) -> int:
    """Unit cells of the 6^d grid above the origin that some integer point covers."""
    axes = np.stack(np.meshgrid(*[np.arange(6)] * points.shape[1], indexing="ij"), axis=-1)
    cells = axes.reshape(-1, points.shape[1])
    covered: NDArray[np.bool_] = np.all(points[None] > cells[:, None], axis=2)
    return int(covered.any(axis=1).sum())


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_equals_a_count_of_cells(dimensions: int, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.tuples(*[integers] * dimensions), min_size=1, max_size=8))
    points = np.array(rows, dtype=float)
    assert hypervolume(points, np.zeros(dimensions)) == pytest.approx(grid_volume(points))


@given(st.lists(st.tuples(integers, integers), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_volumes_after_each_point_are_those_of_the_points_so_far(rows: list[tuple[int, int]]) -> None:
    points, reference = np.array(rows, dtype=float), np.ones(2)
    expected = [hypervolume(points[: count + 1], reference) for count in range(len(points))]
    assert hypervolumes(points, reference).tolist() == pytest.approx(expected)


@given(st.lists(st.tuples(integers, integers, integers), min_size=2, max_size=8))
@settings(max_examples=60, deadline=None)
def test_improvement_is_the_difference(rows: list[tuple[int, int, int]]) -> None:
    points, reference = np.array(rows, dtype=float), np.zeros(3)
    rest = points[1:]
    expected = hypervolume(points, reference) - hypervolume(rest, reference)
    assert improvement(points[0], rest, reference) == pytest.approx(expected)


def test_nondominated_by_hand() -> None:
    points = np.array([[1.0, 3.0], [2.0, 2.0], [1.0, 2.0], [3.0, 1.0], [2.0, 2.0]])
    assert nondominated(points).tolist() == [[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]]


def test_points_at_or_below_the_reference_add_nothing() -> None:
    front = np.array([[2.0, 2.0]])
    assert improvement(np.array([0.0, 5.0]), front, np.zeros(2)) == 0.0
    assert hypervolume(np.array([[0.0, 5.0]]), np.zeros(2)) == 0.0


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_the_front_of_many_is_what_the_definition_says(dimensions: int) -> None:
    rng = np.random.default_rng(0)
    points = rng.integers(0, 60, size=(600, dimensions)).astype(float)
    points = np.vstack([points, points[:50]])
    expected = [not any((q >= p).all() and (q > p).any() for q in points) for p in points]
    assert on_front(points).tolist() == expected
    assert on_front(np.column_stack([np.arange(600.0), -np.arange(600.0)])).all()
