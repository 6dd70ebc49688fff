"""The measured graphs as a file that `sparsenas fit-predictor` reads: one graph a line, with its mean accuracies."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from experiments.reproduce.reber.networks import CELLS, Network
from experiments.reproduce.reber.run import Row


def measured_graphs(members: Sequence[Network], rows: Sequence[Row]) -> str:
    """Return a JSON line for each graph that is not a twin, of nodes, edges and the mean test accuracy of each cell.

    An edge runs from the lower to the higher node, as in `Network`'s layers. A cell that was not trained on every
    graph, or of which a network diverged, is left out of all lines resp. of that one.
    """
    found: dict[tuple[str, int, str], list[float]] = {}
    for row in rows:
        if not row.is_twin:
            found.setdefault((row.family, row.graph, row.cell), []).append(row.accuracy)
    graphs = [member for member in members if not member.is_twin]
    trained = [cell for cell in CELLS if all((one.family, one.number, cell) in found for one in graphs)]
    lines = []
    for one in graphs:
        means = {cell: float(np.mean(found[one.family, one.number, cell])) for cell in trained}
        line = {
            "family": one.family,
            "number": one.number,
            "nodes": list(range(one.graph.nodes)),
            "edges": one.graph.edges,
            **{cell: round(mean, 5) for cell, mean in means.items() if np.isfinite(mean)},
        }
        lines.append(json.dumps(line, separators=(",", ":"), allow_nan=False))
    return "\n".join(lines) + "\n"
