"""Graphs in files: GraphML, JSON, or a list of edges as text; the file's ending says which. Nothing is executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rustworkx

from predictors.errors import PredictorError
from predictors.graphs import Graph, read_graph


def read_graph_file(file: Path) -> Graph:
    """Return the graph of a file.

    - .graphml: the one graph in it; undirected edges run from the node that stands earlier to the later one.
    - .json: {"nodes": [...], "edges": [[from, to], ...]}.
    - anything else: one edge a line, two names of nodes between blanks or a comma, from the first to the second. What
      follows them (a weight, networkx's attributes) is passed over, "#" begins a comment, and a name alone is a node
      without edges.

    Raises:
        PredictorError: the file cannot be read, breaks these rules or one of `Graph`, or holds no edge.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise PredictorError(
            f"a graph's file must be readable; got '{error.strerror}' ({file}). Check the path."
        ) from None
    except UnicodeDecodeError as error:
        raise PredictorError(
            f"a graph's file must be text in UTF-8; got {error.reason} at byte {error.start} ({file}). "
            f"Write it as GraphML, JSON or a list of edges."
        ) from None
    try:
        return with_paths(_PARSERS.get(file.suffix.lower(), _edge_list)(text, file))
    except PredictorError as error:
        raise error if str(file) in str(error) else PredictorError(f"{error} (File: {file})") from None


def with_paths(graph: Graph) -> Graph:
    """Return the graph if something flows in it, and onwards only.

    Raises:
        PredictorError: it has no edge, so that no path leads from one node to another, or it has a cycle.
    """
    if not len(graph.edges):
        raise PredictorError(
            f"a graph must have a path, for without one no input reaches an output; got {graph.nodes} nodes and no "
            f"edge. Give the network's connections."
        )
    graph.layers  # noqa: B018  there are none where there is a cycle
    return graph


def _graphml(text: str, file: Path) -> Graph:
    try:
        found = rustworkx.read_graphml(str(file))
    except Exception as error:  # rustworkx raises bare Exception for XML that it cannot read
        raise PredictorError(f"a GraphML file must be well-formed; got '{error}' ({file}). Write it again.") from None
    if len(found) != 1:
        raise PredictorError(f"a GraphML file must hold one graph; got {len(found)} ({file}). Write one a file.")
    return Graph.of(found[0])


def _json(text: str, file: Path) -> Graph:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PredictorError(f"a graph's JSON must be well-formed; got '{error}' ({file}). Write it again.") from None
    if not isinstance(found, Mapping):
        raise PredictorError(
            f'a graph\'s JSON must be {{"nodes": [...], "edges": [...]}}; got a {type(found).__name__} ({file}).'
            f" Write it so."
        )
    return read_graph(found)


def _edge_list(text: str, file: Path) -> Graph:
    nodes: dict[str, None] = {}
    edges: list[tuple[str, str]] = []
    for line in text.splitlines():
        names = line.partition("#")[0].replace(",", " ").split()[:2]
        nodes |= dict.fromkeys(names)
        if len(names) == 2:
            edges.append((names[0], names[1]))
    if not nodes:
        raise PredictorError(f"a list of edges must have a line for each edge; got none ({file}). Write 'from to'.")
    return read_graph({"nodes": list(nodes), "edges": edges})


_PARSERS = {".graphml": _graphml, ".json": _json}
