"""Features of a bare graph, for networks that are built from one. One file, one function, one line for each group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from predictors.errors import PredictorError
from predictors.features.graphs.counts import counts
from predictors.features.graphs.layering import layering
from predictors.features.graphs.routes import routes
from predictors.features.graphs.spectrum import spectrum
from predictors.features.graphs.undirected import undirected
from predictors.graphs import Graph
from predictors.stacks import Floats, Stack, stacks
from pruning.naming import unknown

GraphGroup: TypeAlias = Callable[[Stack], dict[str, Floats]]
"""Graphs side by side -> name -> finite figures, one a graph; the same names for every graph."""

GRAPH_GROUPS: dict[str, GraphGroup] = {
    "counts": counts,
    "undirected": undirected,
    "routes": routes,
    "layering": layering,
    "spectrum": spectrum,
}


def graph_features(graph: Any, groups: Sequence[str] | None = None) -> dict[str, float]:
    """Return the features of a graph, "group/name" -> finite float, the same names for every graph.

    They do not change when nodes are renumbered, as long as every edge keeps its direction. Of many graphs,
    `graphs_features` is several times quicker.

    Args:
        graph: a `Graph`, or a networkx or rustworkx graph; undirected edges run from the earlier to the later node.
        groups: which of GRAPH_GROUPS, in this order; all by default.

    Raises:
        PredictorError: a group is unknown, or the graph has a cycle (see `Graph`).
    """
    names, rows = graphs_features([graph], groups)
    return dict(zip(names, rows[0].tolist(), strict=True))


def graphs_features(graphs: Sequence[Any], groups: Sequence[str] | None = None) -> tuple[tuple[str, ...], Floats]:
    """Return the names of the features and their figures (graphs, features), computed for many graphs at once.

    A graph's figures are those of `graph_features`, up to rounding in the last digits: sums may run in another order.

    Args:
        graphs: as `graph_features` takes one; at least one.
        groups: which of GRAPH_GROUPS, in this order; all by default.

    Raises:
        PredictorError: as `graph_features`; or there is no graph.
    """
    chosen = list(GRAPH_GROUPS) if groups is None else list(groups)
    for name in chosen:
        if name not in GRAPH_GROUPS:
            raise PredictorError(unknown("graph feature group", name, GRAPH_GROUPS))
    if not len(graphs):
        raise PredictorError("graphs must be at least one; got none (graphs_features). Give the networks' graphs.")
    read = [Graph.of(graph) for graph in graphs]
    names: tuple[str, ...] = ()
    rows = np.empty((len(read), 0))
    for positions, stack in stacks(read):
        found = {f"{name}/{key}": figures for name in chosen for key, figures in GRAPH_GROUPS[name](stack).items()}
        if not names:
            names, rows = tuple(found), np.empty((len(read), len(found)))
        rows[positions] = np.stack(list(found.values()), axis=1)
    return names, rows


def graph_feature_names(groups: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the names that `graph_features` gives, in its order."""
    return tuple(graph_features(Graph(2, [(0, 1)]), groups))  # type: ignore[arg-type]
