"""Features of a bare graph, for networks that are built from one. One file, one function, one line for each group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from predictors.errors import PredictorError
from predictors.features.graphs.counts import counts
from predictors.features.graphs.layering import layering
from predictors.features.graphs.routes import routes
from predictors.features.graphs.spectrum import spectrum
from predictors.features.graphs.undirected import undirected
from predictors.graphs import Graph
from pruning.naming import unknown

GraphGroup: TypeAlias = Callable[[Graph], dict[str, float]]
"""Graph -> name -> finite figure; the same names for every graph."""

GRAPH_GROUPS: dict[str, GraphGroup] = {
    "counts": counts,
    "undirected": undirected,
    "routes": routes,
    "layering": layering,
    "spectrum": spectrum,
}


def graph_features(graph: Any, groups: Sequence[str] | None = None) -> dict[str, float]:
    """Return the features of a graph, "group/name" -> finite float, the same names for every graph.

    They do not change when nodes are renumbered, as long as every edge keeps its direction.

    Args:
        graph: a `Graph`, or a networkx or rustworkx graph; undirected edges run from the earlier to the later node.
        groups: which of GRAPH_GROUPS, in this order; all by default.

    Raises:
        PredictorError: a group is unknown, or the graph has a cycle (see `Graph`).
    """
    chosen = list(GRAPH_GROUPS) if groups is None else list(groups)
    for name in chosen:
        if name not in GRAPH_GROUPS:
            raise PredictorError(unknown("graph feature group", name, GRAPH_GROUPS))
    read = Graph.of(graph)
    return {f"{name}/{key}": float(value) for name in chosen for key, value in GRAPH_GROUPS[name](read).items()}


def graph_feature_names(groups: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the names that `graph_features` gives, in its order."""
    return tuple(graph_features(Graph(2, [(0, 1)]), groups))  # type: ignore[arg-type]
