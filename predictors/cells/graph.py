"""A cell as the features see it: operations on the edges of a small directed graph, and its paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from predictors.errors import PredictorError
from pruning.naming import unknown

_MOST_PATHS = 10_000


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operation does to structure.

    Attributes:
        kind: "none", "skip", "pool" or "conv" (activation, convolution, batch norm).
        kernel: side of its window; 1 if it sees one pixel.
    """

    kind: str
    kernel: int = 1

    @property
    def weights(self) -> int:
        """Weights in units of one 1x1 convolution."""
        return self.kernel * self.kernel if self.kind == "conv" else 0


OPERATIONS: Mapping[str, Operation] = {
    "none": Operation("none"),
    "skip_connect": Operation("skip"),
    "nor_conv_1x1": Operation("conv", 1),
    "nor_conv_3x3": Operation("conv", 3),
    "avg_pool_3x3": Operation("pool", 3),
}
"""The operations whose structure is known, in the order of their columns."""

Edge: TypeAlias = tuple[int, int, str]
"""(source node, target node, operation); sources are below targets."""

Path: TypeAlias = tuple[Edge, ...]


@dataclass(frozen=True)
class CellGraph:
    """Edges between nodes 0 (input) to `output`; a node's value is the sum of its incoming edges.

    Raises:
        PredictorError: an operation is not known, an edge does not rise, or there are more than 10,000 paths.
    """

    edges: tuple[Edge, ...]

    def __post_init__(self) -> None:
        for source, target, operation in self.edges:
            if operation not in OPERATIONS:
                raise PredictorError(unknown("operation", operation, OPERATIONS))
            if not 0 <= source < target:
                raise PredictorError(
                    f"a cell's edges must rise from node 0; got {source} -> {target}. Number nodes from the input."
                )
        if not self.edges:
            raise PredictorError("a cell must have at least one edge; got none. Give (source, target, operation).")

    @cached_property
    def output(self) -> int:
        """The node with the highest number."""
        return max(target for _, target, _ in self.edges)

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """Every path from input to output without `none`."""
        found: list[Path] = []
        self._walk(0, (), found)
        return tuple(found)

    @cached_property
    def live(self) -> tuple[Edge, ...]:
        """The edges on some path, in the given order."""
        used = {edge for path in self.paths for edge in path}
        return tuple(edge for edge in self.edges if edge in used)

    @cached_property
    def sequences(self) -> tuple[tuple[str, ...], ...]:
        """For each path its operations without skips, input to output."""
        return tuple(tuple(o for _, _, o in path if OPERATIONS[o].kind != "skip") for path in self.paths)

    def incoming(self, node: int) -> tuple[Edge, ...]:
        """Return the live edges into a node."""
        return tuple(edge for edge in self.live if edge[1] == node)

    def _walk(self, node: int, so_far: Path, found: list[Path]) -> None:
        if node == self.output:
            found.append(so_far)
            if len(found) > _MOST_PATHS:
                raise PredictorError(
                    f"a cell must have at most {_MOST_PATHS} paths; got more ({len(self.edges)} edges). "
                    f"Describe larger graphs by the features of graphs."
                )
            return
        for edge in self.edges:
            if edge[0] == node and OPERATIONS[edge[2]].kind != "none":
                self._walk(edge[1], (*so_far, edge), found)


def cell_graph(edges: Iterable[Edge]) -> CellGraph:
    """Return the graph of (source, target, operation) edges, such as `search_spaces.cell_graph.edges` gives."""
    return CellGraph(tuple((int(source), int(target), str(operation)) for source, target, operation in edges))
