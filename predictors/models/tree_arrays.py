"""Grown scikit-learn trees as plain arrays that predict by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from predictors.models.arrays import Arrays
from predictors.models.model import Floats

_LEAF = -1


@dataclass(frozen=True)
class TreeArrays:
    """Trees side by side, padded to the largest.

    Attributes:
        children: (2, trees, nodes) int64; left child for values up to the threshold, right child for others; a leaf
            is its own child.
        columns: (trees, nodes) int64; which column a node asks about.
        thresholds, values: (trees, nodes) float64.
        depth: of the deepest tree.
    """

    children: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    thresholds: Floats
    values: Floats
    depth: int

    @classmethod
    def of(cls, estimators: Sequence[Any]) -> TreeArrays:
        """Return the arrays of fitted scikit-learn regression trees."""
        trees = [estimator.tree_ for estimator in estimators]
        shape = (len(trees), max(tree.node_count for tree in trees))
        children = np.zeros((2, *shape), dtype=np.int64)
        columns, thresholds, values = np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape)
        for number, tree in enumerate(trees):
            nodes = np.arange(tree.node_count)
            is_leaf = tree.children_left == _LEAF
            here = (number, slice(0, tree.node_count))
            children[(0, *here)] = np.where(is_leaf, nodes, tree.children_left)
            children[(1, *here)] = np.where(is_leaf, nodes, tree.children_right)
            columns[here] = np.where(is_leaf, 0, tree.feature)
            thresholds[here] = tree.threshold
            values[here] = tree.value[:, 0, 0]
        return cls(children, columns, thresholds, values, max(tree.max_depth for tree in trees))

    @classmethod
    def restored(cls, found: Arrays) -> TreeArrays:
        """Return the trees of `arrays`."""
        children, columns = found["children"].astype(np.int64), found["columns"].astype(np.int64)
        return cls(children, columns, found["thresholds"], found["values"], int(found["depth"]))

    def arrays(self) -> dict[str, Any]:
        """Return everything by name."""
        return {
            "children": self.children,
            "columns": self.columns,
            "thresholds": self.thresholds,
            "values": self.values,
            "depth": self.depth,
        }

    def predict(self, x: Floats) -> Floats:
        """Return (trees, m) predictions for rows (m, columns); columns are compared as float32, as when grown."""
        table = x.astype(np.float32)
        rows = np.arange(len(x))
        found = np.empty((len(self.values), len(x)))
        for tree in range(len(self.values)):
            node = np.zeros(len(x), dtype=np.int64)
            for _ in range(self.depth):
                right = table[rows, self.columns[tree, node]] > self.thresholds[tree, node]
                node = np.where(right, self.children[1, tree, node], self.children[0, tree, node])
            found[tree] = self.values[tree, node]
        return found
