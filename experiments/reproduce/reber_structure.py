"""Accuracy of recurrent networks built from random graphs, from the graph alone, honestly cross-validated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats
from sklearn.ensemble import AdaBoostRegressor, RandomForestRegressor
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from experiments.benchmarks.table import Table
from experiments.errors import ExperimentError
from experiments.reproduce.published import published_file
from experiments.tables import read_csv
from nas.seeds import numpy_stream
from predictors import graph_features
from predictors.conformal import cross_conformal
from predictors.graphs import read_graph
from predictors.metrics import agreement
from predictors.models import MODELS
from predictors.models.experts import Experts
from predictors.models.model import Floats

MODES = {"RNN_TANH": "rnn_tanh", "RNN_RELU": "rnn_relu", "GRU": "gru"}
REPEATS = 10
FOLDS = 10
GRAPH_GROUPS = ("counts", "undirected", "routes", "layering", "spectrum")
ABLATION_REPEATS = 3
NETWORK_COLUMNS = (
    *("counts/log_sources", "counts/sources", "counts/log_nodes", "counts/log_edges", "counts/layers", "counts/last"),
    *("counts/edges_per_node", "layering/log_square", "layering/log_pair_recurrent", "layering/log_pair_weights"),
    *("layering/width_max", "routes/live", "routes/log_count", "routes/disjoint"),
)
"""First expert: sizes of the recurrent network that stands for the graph, and of what reaches its last layer."""

TOPOLOGY_GROUPS = ("counts", "undirected", "spectrum")
"""Second expert: the graph without its directions."""

_LABELS = ("mode", "graph", "graph_nr")
_OUTCOMES = ("test_acc", "test_loss", "time")
_SIZES = ("nodes", "edges", "source_nodes", "sink_nodes")


@dataclass(frozen=True)
class Networks:
    """The 200 recurrent networks of one kind of cell.

    Attributes:
        accuracies: (networks,), one training run each.
        published: (networks, 23), the table's figures of the graphs; `published_names`.
        own: (networks, features), `graph_features` of the same graphs; `own_names`.
    """

    accuracies: Floats
    published: Floats
    published_names: list[str]
    own: Floats
    own_names: list[str]

    def columns(self, *names: str) -> Floats:
        """Return these columns of the published figures."""
        return self.published[:, [self.published_names.index(name) for name in names]]

    def groups(self, *groups: str) -> Floats:
        """Return the own features of these groups."""
        return self.own[:, [i for i, name in enumerate(self.own_names) if name.partition("/")[0] in groups]]


Estimator = Any
Contestant = tuple[Callable[[int], Estimator], Floats]
"""(seed -> unfitted estimator, rows)."""


def contestants(networks: Networks) -> dict[str, Contestant]:
    """Return what is compared: the published three, baselines of size, ours, and ours by groups of features."""
    table = networks.published

    def scaled(model: Callable[[int], Estimator]) -> Callable[[int], Estimator]:
        return lambda seed: make_pipeline(MinMaxScaler(), model(seed))

    ridge = scaled(lambda seed: BayesianRidge())
    forest = scaled(lambda seed: RandomForestRegressor(random_state=seed))
    boost = scaled(lambda seed: AdaBoostRegressor(random_state=seed))
    return {
        "one column (sources), our model": (_experts(["sources"]), networks.columns("source_nodes")),
        "size only (4 counts), Bayesian ridge": (ridge, networks.columns(*_SIZES)),
        "published: 23 columns, random forest": (forest, table),
        "published: 23 columns, AdaBoost": (boost, table),
        "published: 23 columns, Bayesian ridge": (ridge, table),
        "23 columns, our model": (_experts(networks.published_names), table),
        OURS: (lambda seed: own_model(networks), networks.own),
    }


def ablation(networks: Networks) -> dict[str, Contestant]:
    """Return our model on each group of the graphs' features alone, and on either of its two experts."""
    names, model = networks.own_names, Experts
    topology = [i for i, name in enumerate(names) if name.partition("/")[0] in TOPOLOGY_GROUPS]
    sizes = [names.index(name) for name in NETWORK_COLUMNS]
    return {
        "only the expert of the network's sizes": (lambda seed: model([sizes]), networks.own),
        "only the expert of the undirected graph": (lambda seed: model([topology]), networks.own),
        **{f"only {group}": _alone(networks, group) for group in GRAPH_GROUPS},
    }


def own_model(networks: Networks) -> Experts:
    """Return our model, unfitted: the mean of its two experts."""
    names = networks.own_names
    topology = [i for i, name in enumerate(names) if name.partition("/")[0] in TOPOLOGY_GROUPS]
    return Experts([[names.index(name) for name in NETWORK_COLUMNS], topology])


def _alone(networks: Networks, group: str) -> Contestant:
    names = [name for name in networks.own_names if name.partition("/")[0] == group]
    return _experts(names), networks.groups(group)


def _experts(names: list[str]) -> Callable[[int], Estimator]:
    return lambda seed: MODELS["experts"](names, seed, 1)


OURS = "ours: graphs' own features"


def reber_structure(folder: Path, say: Callable[[str], None]) -> Table:
    """Predict the accuracy of recurrent networks from their graphs: 10 x 10-fold R2 of published and own features.

    Stier, Darji and Granitzer 2021 (arXiv 2107.12917): 200 graphs for each of three cells, trained once on Reber
    strings. Published: R2 of one split with 20 test networks. Here: 10-fold cross-validation, 10 times; R2 is pooled
    over the
    folds, and its least and largest over repetitions stand beside the mean. `against_*` bound the gain in R2 over the
    best of the published three: 95 % of bootstrap draws of the graphs. Coverage: 90 % CV+ intervals, folds within
    folds.
    """
    from experiments.report.figures.canvas import render
    from experiments.reproduce.reber_structure_figure import draw

    graphs = published_file("reber", "graphs.jsonl")
    rows: list[dict[str, Any]] = []
    panels = []
    for mode, name in MODES.items():
        networks = read_networks(published_file("reber", f"structure_{name}.csv"), graphs, mode)
        y = networks.accuracies
        found = {name: repeated(*one, y, REPEATS) for name, one in contestants(networks).items()}
        found |= {name: repeated(*one, y, ABLATION_REPEATS) for name, one in ablation(networks).items()}
        interval = held_out_intervals(networks)
        rows += _rows(mode, y, found, interval)
        panels.append((mode, y, found[OURS][0], interval))
        ours = next(row for row in rows if row["mode"] == mode and row["predictor"] == OURS)
        say(f"{mode}: R2 {ours['r2']:.3f}, {ours['against_low']:.3f} to {ours['against_high']:.3f} above the published")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reber_structure.png").write_bytes(render(lambda: draw(panels), "png"))
    summary = {row["mode"]: row["r2"] for row in rows if row["predictor"] == OURS}
    protocol = (
        f"{REPEATS} x {FOLDS}-fold cross-validation, pooled R2 ({ABLATION_REPEATS} x for the rows named 'only'); "
        "200 networks a mode, one training run each"
    )
    return Table("reber_structure", protocol, rows, summary)


def read_networks(table: Path, graphs: Path, mode: str) -> Networks:
    """Return one mode's networks with the features of their graphs.

    Raises:
        ExperimentError: a file cannot be read, or a network's graph is missing.
    """
    rows = read_csv(table)
    names = [name for name in rows[0] if name not in (*_LABELS, *_OUTCOMES)]
    records = (json.loads(line) for line in graphs.read_text().splitlines())
    known = {(r["graph"], str(r["graph_nr"])): graph_features(read_graph(r)) for r in records if r["mode"] == mode}
    missing = next((row for row in rows if (row["graph"], row["graph_nr"]) not in known), None)
    if missing is not None or not rows:
        raise ExperimentError(
            f"every network of the table must have its graph; got none for {mode} {missing and missing['graph']} "
            f"({graphs}). Give the graphs of the same experiment."
        )
    own = [known[row["graph"], row["graph_nr"]] for row in rows]
    return Networks(
        np.array([float(row["test_acc"]) for row in rows]),
        np.array([[float(row[name]) for name in names] for row in rows]),
        names,
        np.array([list(row.values()) for row in own]),
        list(own[0]),
    )


def folds(count: int, repeat: int) -> npt.NDArray[np.int64]:
    """Return each row's fold in one repetition, (count,): the same for every predictor."""
    shuffled = numpy_stream(repeat, "folds").permutation(count)
    found = np.empty(count, dtype=np.int64)
    found[shuffled] = np.arange(count) % FOLDS
    return found


def repeated(make: Callable[[int], Estimator], x: Floats, y: Floats, repeats: int) -> Floats:
    """Return out-of-fold predictions, (repeats, networks)."""
    predictions = np.empty((repeats, len(y)))
    for repeat in range(repeats):
        fold = folds(len(y), repeat)
        for number in range(FOLDS):
            out = fold == number
            predictions[repeat, out] = make(repeat).fit(x[~out], y[~out]).predict(x[out])
    return predictions


def held_out_intervals(networks: Networks, coverage: float = 0.9) -> tuple[Floats, Floats]:
    """Return the ends (networks,) of CV+ intervals of our model, for each network from the folds it is not in."""
    x, y, fold = networks.own, networks.accuracies, folds(len(networks.accuracies), 0)
    ends = np.empty((2, len(y)))
    for number in range(FOLDS):
        out = fold == number
        inner = folds(int((~out).sum()), REPEATS + number)
        conformal = cross_conformal(lambda: own_model(networks), x[~out], y[~out], inner)
        ends[:, out] = conformal.bounds(x[out], coverage)
    return np.clip(ends[0], 0.0, 1.0), np.clip(ends[1], 0.0, 1.0)


def _rows(
    mode: str, y: Floats, found: Mapping[str, Floats], interval: tuple[Floats, Floats]
) -> Iterator[dict[str, Any]]:
    r2 = {name: np.array([agreement(y, one)["r2"] for one in predictions]) for name, predictions in found.items()}
    best = max((name for name in found if name.startswith("published")), key=lambda name: float(r2[name].mean()))
    for name, predictions in found.items():
        low, high = _gain(y, predictions, found[best], numpy_stream(0, f"bootstrap/{mode}/{name}"))
        row = {
            "mode": mode,
            "predictor": name,
            "r2": float(r2[name].mean()),
            "r2_least": float(r2[name].min()),
            "r2_most": float(r2[name].max()),
            "mae": float(np.abs(predictions - y).mean()),
            "spearman": float(np.mean([stats.spearmanr(y, one).statistic for one in predictions])),
            "against_low": low,
            "against_high": high,
            "coverage": "",
            "width": "",
        }
        if name == OURS:
            inside = (interval[0] <= y) & (y <= interval[1])
            row |= {"coverage": float(inside.mean()), "width": float((interval[1] - interval[0]).mean())}
        yield row


def _gain(y: Floats, first: Floats, second: Floats, rng: np.random.Generator, draws: int = 2000) -> tuple[float, float]:
    """Return the 95 % interval, over draws of the networks with replacement, of R2 of the first less the second."""
    squares = [((predictions - y) ** 2).mean(axis=0) for predictions in (first, second)]
    chosen = rng.integers(len(y), size=(draws, len(y)))
    scatter = ((y[chosen] - y[chosen].mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    gains = (squares[1][chosen].sum(axis=1) - squares[0][chosen].sum(axis=1)) / scatter
    low, high = np.quantile(gains, [0.025, 0.975])
    return float(low), float(high)
