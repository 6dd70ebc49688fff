"""What describing a candidate costs: masked networks, bare graphs against networkx, and predictions in a batch."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import predictors
from experiments.benchmarks.networkx_figures import networkx_figures
from experiments.benchmarks.table import Table
from nas.seeds import numpy_stream, stream
from predictors import Graph, Predictor, graph_features, graphs_features
from predictors.graphs import read_graph
from pruning import Evidence, Sparsity, prune
from search_spaces import NETWORKS

TIMED = ("lenet_300_100", "resnet20", "resnet32", "resnet56", "resnet110", "wrn_28_2", "resnet18", "vgg16")
SIZES = (25, 50, 100, 200, 400)
SHARES = 12
"""Parts of the table of which networkx describes one in each round; each graph of theirs is described by ours."""

SHARED = ("undirected", "routes", "spectrum")
"""Graph groups that `networkx_figures` has; the others are layer statistics of microseconds."""

REPEATS = 9
BATCH = 20_000


def features(folder: Path, say: Callable[[str], None]) -> Table:
    """Return milliseconds to describe a candidate: networks, graphs beside networkx; and predictions a second.

    Medians of processor time over repetitions, on one thread, so that other work on the machine counts for little. The
    graphs' figures are compared with those of networkx in the same run:
    `difference` is the largest between the two. The graphs are the 600 of SPARSENAS_DATA/reber where it is, described
    all at once and one at a time, and random ones of growing size.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rows = [*_networks(say), *_graphs(say), *_predictions(say)]
    finally:
        torch.set_num_threads(before)
    found = {str(row["case"]): row for row in rows}
    graph = next(row for row in rows if row["kind"] == "graph")
    summary = {
        "resnet20_milliseconds": found["resnet20"]["milliseconds"],
        "resnet18_milliseconds": found["resnet18"]["milliseconds"],
        "graph_case": graph["case"],
        "graph_milliseconds": graph["milliseconds"],
        "graph_times_faster_than_networkx": graph["times_faster"],
        "predictions_a_second": found["means, xgboost"]["a_second"],
    }
    protocol = (
        f"processor time, medians of {REPEATS}, one thread; networks at density 0.1, random masks with ERK; "
        "predictors of 200 rows"
    )
    return Table("features", protocol, rows, summary)


def _row(case: str, kind: str, size: float, milliseconds: float, **more: Any) -> dict[str, Any]:
    empty = {"networkx_milliseconds": "", "times_faster": "", "difference": "", "a_second": ""}
    return {"case": case, "kind": kind, "size": size, "milliseconds": milliseconds, **empty, **more}


def _networks(say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    for name in TIMED:
        network = NETWORKS[name]
        module = network.build(network.signature, stream(0, "init"))
        shape = network.signature.input_shape
        masks = prune(module, Sparsity("random", 0.1, "erk"), Evidence(shape, stream(0, "mask")))
        seconds = _median(lambda m=module, k=masks, s=shape: predictors.features(m, k, s))  # type: ignore[misc]
        say(f"{name}: {1000 * seconds:.1f} ms for {masks.total} weights")
        yield _row(name, "network", masks.total, 1000 * seconds)


def _graphs(say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    data = os.environ.get("SPARSENAS_DATA")
    file = Path(data or ".") / "reber" / "graphs.jsonl"
    cases: list[tuple[str, Sequence[Graph]]] = []
    if data and file.is_file():
        lines = file.read_text().splitlines()
        order = numpy_stream(0, "graphs").permutation(len(lines))
        cases.append(("Reber graphs", [read_graph(json.loads(lines[i])) for i in order]))
    cases += [(f"random graph of {size} nodes", [_random(size)]) for size in SIZES]
    for case, graphs in cases:
        ways: dict[str, Callable[[Sequence[Graph]], object]] = {
            "one at a time": lambda some: [graph_features(graph, SHARED) for graph in some]
        }
        if len(graphs) > 1:
            ways = {"all at once": lambda some: graphs_features(some, SHARED), **ways}
        difference = max(_difference(graph_features(graph), networkx_figures(graph)) for graph in graphs[:5])
        size = float(np.mean([graph.nodes for graph in graphs]))
        for way, described in ways.items():
            own, other, times = _paired(graphs, described)
            say(f"{case}, {way}: {1000 * own:.2f} ms, networkx {1000 * other:.1f} ms, {times:.0f} times faster")
            figures = {"networkx_milliseconds": 1000 * other, "times_faster": times, "difference": difference}
            yield _row(f"{case}, {way}", "graph", size, 1000 * own, **figures)


def _paired(graphs: Sequence[Graph], described: Callable[[Sequence[Graph]], object]) -> tuple[float, float, float]:
    """Return seconds a graph of ours and of networkx, medians over rounds that take turns, and their ratio.

    In a round ours describes all graphs and networkx a share of them, another one each time.
    """
    described(graphs[:2])
    seconds = []
    for number in range(REPEATS):
        share = graphs[number % SHARES :: SHARES] or graphs
        start = time.process_time()
        described(graphs)
        middle = time.process_time()
        for graph in share:
            networkx_figures(graph)
        seconds.append(((middle - start) / len(graphs), (time.process_time() - middle) / len(share)))
        if seconds[-1][1] > _LONG:
            break
    own, other = (statistics.median(side) for side in zip(*seconds, strict=True))
    return own, other, other / own


_LONG = 20.0
"""Seconds of one graph in networkx after which it is not repeated."""


def _random(nodes: int) -> Graph:
    """Return a graph in which each node has about four edges to earlier ones."""
    rng = numpy_stream(nodes, "graph")
    pairs = np.argwhere(np.triu(rng.random((nodes, nodes)) < min(1.0, 8 / nodes), 1))
    return Graph(nodes, pairs)


def _difference(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    return max(abs(first[name] - value) for name, value in second.items())


def _predictions(say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    rng = numpy_stream(0, "predictions")
    names = predictors.feature_names()
    x = rng.normal(size=(BATCH, len(names)))
    rows = [dict(zip(names, values, strict=True)) for values in x[:200].tolist()]
    targets = (0.5 + 0.1 * np.tanh(x[:200, 0])).tolist()
    for model in ("xgboost", "random_forest"):
        predictor = Predictor(model).fit(rows, targets)
        batch = [dict(zip(names, values, strict=True)) for values in x[:2000].tolist()]
        means = _median(lambda p=predictor: p.predict_mean(x)) / len(x)  # type: ignore[misc]
        whole = _median(lambda p=predictor, b=batch: p.predict(b)) / len(batch)  # type: ignore[misc]
        for case, seconds in ((f"means, {model}", means), (f"rows with intervals, {model}", whole)):
            say(f"{case}: {1 / seconds:.0f} predictions a second")
            yield _row(case, "predictions", len(names), 1000 * seconds, a_second=1 / seconds)


def _median(work: Callable[[], object]) -> float:
    """Return the median seconds of repetitions after one that is not counted."""
    work()
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)
