"""The published path features of operation subsets (GRAF)."""

from __future__ import annotations

import itertools
import math

from predictors.cells.graph import OPERATIONS, CellGraph, Edge

_SUBSETS = tuple(
    subset for size in range(1, len(OPERATIONS) + 1) for subset in itertools.combinations(OPERATIONS, size)
)


def graf(graph: CellGraph) -> dict[str, float]:
    """Return operation counts and, for each of the 31 sets of operations, path lengths and degrees: 191 figures.

    With only the edges that carry an operation of the set: shortest (the number of edges of the cell where there is
    no path) and longest (0) path from input to output, out-degree of the input, in-degree of the output, mean in-
    and out-degree of all nodes. `none` is an operation like any other here, and dead edges count.

    Cost: 300 microseconds for a cell of NAS-Bench-201.
    Source: Kadlecova et al., ICML 2024, arXiv 2404.16551.
    """
    carried = [operation for _, _, operation in graph.edges]
    found = {f"count_{name}": float(carried.count(name)) for name in OPERATIONS}
    for subset in _SUBSETS:
        edges = [edge for edge in graph.edges if edge[2] in subset]
        for name, value in _figures(edges, graph.output, len(graph.edges)).items():
            found[f"{name}_{'_'.join(_SHORT[operation] for operation in subset)}"] = value
    return found


_SHORT = {"none": "n", "skip_connect": "s", "nor_conv_1x1": "a", "nor_conv_3x3": "c", "avg_pool_3x3": "p"}


def _figures(edges: list[Edge], output: int, sentinel: int) -> dict[str, float]:
    shortest, longest = [0.0] + [math.inf] * output, [0.0] + [-math.inf] * output
    for source, target, _ in sorted(edges, key=lambda edge: edge[1]):
        shortest[target] = min(shortest[target], shortest[source] + 1)
        longest[target] = max(longest[target], longest[source] + 1)
    return {
        "shortest": shortest[output] if math.isfinite(shortest[output]) else float(sentinel),
        "longest": max(longest[output], 0.0),
        "from_input": float(sum(source == 0 for source, _, _ in edges)),
        "into_output": float(sum(target == output for _, target, _ in edges)),
        "mean_in": len(edges) / output,
        "mean_out": len(edges) / output,
    }
