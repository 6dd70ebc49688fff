"""Tables of graphs: JSON lines, one measured graph each, as rows of its figures for `fit-predictor`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from experiments.errors import ExperimentError
from experiments.tables import Row
from predictors import Graph, PredictorError, graphs_features
from predictors.graph_files import with_paths
from predictors.graphs import read_graph


def read_graphs(file: Path) -> list[Row]:
    """Return a row for each line {"nodes": [...], "edges": [[from, to], ...], "accuracy": 0.93, ...}.

    A row holds the line's other entries under their names, and the figures of `predictors.graph_features`.

    Raises:
        ExperimentError: the file cannot be read or is empty, or a line is no JSON object or no graph with a path.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ExperimentError(f"a file of graphs must be readable; got '{error.strerror}' ({file}).") from None
    except UnicodeDecodeError as error:
        raise ExperimentError(f"a file of graphs must be text in UTF-8; got '{error}' ({file}).") from None
    found = [_read(line, f"{file}, line {number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not found:
        raise ExperimentError(f"a file of graphs must have a line for each graph; got none ({file}).")
    names, figures = graphs_features([graph for graph, _ in found])
    return [
        {**rest, **dict(zip(names, row, strict=True))}
        for (_, rest), row in zip(found, figures.tolist(), strict=True)
    ]  # fmt: skip


def _read(line: str, where: str) -> tuple[Graph, dict[str, Any]]:
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ExperimentError(f"a graph's line must be JSON; got '{error}' ({where}).") from None
    if not isinstance(found, dict):
        raise ExperimentError(f"a graph's line must be an object; got a {type(found).__name__} ({where}).")
    try:
        graph = with_paths(read_graph(found))
    except PredictorError as error:
        raise ExperimentError(f"{error} ({where})") from None
    return graph, {name: value for name, value in found.items() if name not in ("nodes", "edges")}
