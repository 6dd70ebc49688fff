"""Features of a cell: a small graph with an operation on each edge. One file, one function, one line in CELL_GROUPS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np

from predictors.cells.graf import graf
from predictors.cells.graph import OPERATIONS, CellGraph, Edge, cell_graph
from predictors.cells.meanfield import meanfield
from predictors.cells.operations import operations
from predictors.cells.sequences import sequences
from predictors.cells.structure import structure
from predictors.errors import PredictorError
from predictors.models.model import Floats
from pruning.naming import unknown

CellGroup: TypeAlias = Callable[[CellGraph], dict[str, float]]
"""Graph -> name -> finite figure; the same names for all cells with the same edges, whatever they carry."""

CELL_GROUPS: dict[str, CellGroup] = {
    "structure": structure,
    "meanfield": meanfield,
    "sequences": sequences,
    "operations": operations,
    "graf": graf,
}

RECIPE = ("structure", "meanfield", "sequences")
"""The groups that predict best together."""

__all__ = ["CELL_GROUPS", "OPERATIONS", "RECIPE", "CellGraph", "cell_features", "cell_graph", "cell_matrix"]


def cell_features(edges: Iterable[Edge], groups: Sequence[str] = RECIPE) -> dict[str, float]:
    """Return the features of a cell, "group/name" -> finite float.

    Args:
        edges: (source, target, operation), nodes numbered from the input 0 to the output.
        groups: which of CELL_GROUPS, in this order.

    Raises:
        PredictorError: a group or an operation is unknown, or the edges are no such graph.
    """
    for name in groups:
        if name not in CELL_GROUPS:
            raise PredictorError(unknown("cell feature group", name, CELL_GROUPS))
    graph = cell_graph(edges)
    return {f"{name}/{key}": float(value) for name in groups for key, value in CELL_GROUPS[name](graph).items()}


def cell_matrix(cells: Iterable[Iterable[Edge]], groups: Sequence[str] = RECIPE) -> tuple[list[str], Floats]:
    """Return the column names and the features (cells, columns) of many cells with the same edges.

    Raises:
        PredictorError: see `cell_features`; or there is no cell.
    """
    rows = [cell_features(edges, groups) for edges in cells]
    if not rows:
        raise PredictorError("cells must hold at least one; got none. Give the edges of each cell.")
    return list(rows[0]), np.array([list(row.values()) for row in rows])
