"""Graphs in files: what networkx writes is read back with the same figures, and each bad file is one line."""

from __future__ import annotations

import json
from pathlib import Path

import networkx as nx
import pytest

from predictors import Graph, PredictorError, graph_features
from predictors.graph_files import read_graph_file


def _dag(seed: int) -> nx.DiGraph:
    drawn = nx.gnp_random_graph(9, 0.4, seed=seed)
    made = nx.DiGraph((f"n{u}", f"n{v}", {"weight": 0.5}) for u, v in drawn.edges)
    made.add_node("alone")
    return made


@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_file_has_the_figures_of_its_graph(seed: int, tmp_path: Path) -> None:
    graph = _dag(seed)
    files = [tmp_path / name for name in ("a.graphml", "b.json", "c.edges", "d.csv")]
    nx.write_graphml(graph, files[0])
    files[1].write_text(json.dumps({"nodes": list(graph.nodes), "edges": list(graph.edges)}))
    nx.write_edgelist(graph, files[2])
    files[2].write_text(f"# a comment\n\n{files[2].read_text()}alone  # no edge\n")
    files[3].write_text("".join(f"{u},{v},{d['weight']}\n" for u, v, d in graph.edges(data=True)) + "alone\n")
    wanted = graph_features(graph)
    for file in files:
        assert graph_features(read_graph_file(file)) == pytest.approx(wanted), file.suffix


def test_undirected_edges_run_from_the_earlier_node(tmp_path: Path) -> None:
    nx.write_graphml(nx.Graph([("a", "b"), ("c", "a")]), tmp_path / "g.graphml")
    assert sorted(map(tuple, read_graph_file(tmp_path / "g.graphml").edges.tolist())) == [(0, 1), (0, 2)]


_TWO = "".join(f'<graph id="{name}" edgedefault="directed"><node id="a"/></graph>' for name in "GH")

BAD = {
    "gone.edges": (None, r"a graph's file must be readable; got 'No such file or directory' \("),
    "binary.edges": (b"\xff\xfe\x00", r"a graph's file must be text in UTF-8; got invalid start byte at byte 0 \("),
    "empty.edges": (b"# nothing\n", r"a list of edges must have a line for each edge; got none \("),
    "dots.edges": (b"a\nb\n", r"a graph must have a path, .*; got 2 nodes and no edge"),
    "ring.edges": (b"a b\nb c\nc a\n", r"graph must be acyclic; got a cycle among 3 nodes"),
    "loop.edges": (b"a b\nb b\n", r"an edge must join two nodes; got 1 twice"),
    "twice.edges": (b"a b\na b\n", r"each edge must stand once; got 1 again"),
    "broken.json": (b'{"nodes": [', r"a graph's JSON must be well-formed; got 'Expecting value"),
    "list.json": (b"[[0, 1]]", r'a graph\'s JSON must be \{"nodes": \[...\], "edges": .* got a list \('),
    "stranger.json": (b'{"nodes": [0], "edges": [[0, 1]]}', r"edges that are pairs of them; got KeyError 1"),
    "double.json": (b'{"nodes": [0, 0, 1], "edges": [[0, 1]]}', r"got ValueError a node twice"),
    "none.graphml": (b"<graphml></graphml>", r"a GraphML file must hold one graph; got 0 \("),
    "two.graphml": (f"<graphml>{_TWO}</graphml>".encode(), r"a GraphML file must hold one graph; got 2 \("),
    "torn.graphml": (b"<graphml><graph id='G'></graphml>", r"a GraphML file must be well-formed; got '"),
}


@pytest.mark.parametrize("name", BAD)
def test_each_bad_file_is_one_line(name: str, tmp_path: Path) -> None:
    content, message = BAD[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PredictorError, match=message) as caught:
        read_graph_file(tmp_path / name)
    assert "\n" not in str(caught.value) and str(tmp_path / name) in str(caught.value)


def test_graphs_with_counted_nodes_are_read() -> None:
    class Counted:
        nodes, edges = 3, ((0, 1), (1, 2))

    assert graph_features(Counted()) == graph_features(Graph(3, [(0, 1), (1, 2)]))  # type: ignore[arg-type]
