"""What structure predicts: out-of-fold figures on means over seeds, their ceiling, and what is left beyond size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.reproduce.reber.features import features
from experiments.reproduce.reber.networks import Network, networks
from experiments.reproduce.reber.run import Row
from predictors.evaluation import Evaluation, Interval, beyond, by_group, evaluate, over_rows
from predictors.models import MODELS
from predictors.models.model import Model

MODEL = "mixture"
"""Chosen beforehand: half a Gaussian process, half trees, both tuned on the training rows of each fold alone."""
REPEATS = 5
COUNTS = ("nodes", "edges")

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Graphs:
    """The graphs of one cell that every seed trained: columns and (graphs, seeds) accuracies, NaN-free."""

    names: list[str]
    x: Floats
    accuracies: Floats
    families: list[str]
    numbers: list[int]

    @property
    def means(self) -> Floats:
        """Mean over seeds, (graphs,)."""
        return np.asarray(self.accuracies.mean(1))


def collected(rows: Sequence[Row], cell: str, *, twins: bool) -> Graphs | None:
    """Return a cell's graphs (or their twins) with the seeds that trained all of them; None below two such seeds.

    A network that diverged is left out with its graph.
    """
    table: dict[tuple[str, int], dict[int, float]] = defaultdict(dict)
    for row in rows:
        if row.cell == cell and row.is_twin == twins:
            table[row.family, row.graph][row.seed] = row.accuracy
    everything = [network for network in networks() if network.is_twin == twins]
    seeds = [s for s in range(1000) if all(s in table[network.family, network.number] for network in everything)]
    if len(seeds) < 2:
        return None
    kept: list[tuple[Network, list[float]]] = []
    for network in everything:
        values = [table[network.family, network.number][seed] for seed in seeds]
        if np.isfinite(values).all():
            kept.append((network, values))
    described = [features(network) for network, _ in kept]
    names = list(described[0])
    return Graphs(
        names,
        np.array([[row[name] for name in names] for row in described]),
        np.array([values for _, values in kept]),
        [network.family for network, _ in kept],
        [network.number for network, _ in kept],
    )


def ceiling(accuracies: Floats) -> Interval:
    """Return the largest R^2 that knowing every graph's expected accuracy would give on means over seeds.

    1 - (variance between seeds / seeds) / (variance of the means), with its bootstrap interval over graphs: the
    reliability of a mean of k runs (Spearman-Brown of the one-way intraclass correlation).
    """

    def figure(chosen: Rows) -> float:
        part = accuracies[chosen]
        noise = float(np.mean(part.var(axis=1, ddof=1))) / int(part.shape[1])
        return max(0.0, 1.0 - noise / float(np.var(part.mean(1), ddof=1)))

    return over_rows(figure, range(len(accuracies)), np.random.default_rng(0))


def analysed(rows: Sequence[Row], cell: str) -> dict[str, Any] | None:
    """Return a cell's figures, or None if fewer than two seeds are complete.

    Keys: graphs, seeds; mean, sd, seed_sd of accuracy; ceiling; "all", "sizes", "counts" (nodes and edges, without the
    inputs, which are the graph's sources) and "graph" (columns used) -> figures out of fold; beyond_size and
    beyond_counts: partial R^2 of all columns given sizes or counts; leave_one_generator_out; twins.
    """
    found = collected(rows, cell, twins=False)
    if found is None:
        return None
    y = found.means
    sets = {
        "all": list(range(len(found.names))),
        "sizes": [i for i, name in enumerate(found.names) if name.startswith("size/")],
        "counts": [found.names.index(f"size/{name}") for name in COUNTS],
        "graph": [i for i, name in enumerate(found.names) if name.startswith("graph/")],
    }
    results = {name: _evaluated(found, columns) for name, columns in sets.items()}
    return {
        "cell": cell,
        "graphs": len(y),
        "seeds": found.accuracies.shape[1],
        "mean": float(y.mean()),
        "sd": float(y.std(ddof=1)),
        "seed_sd": float(np.sqrt(found.accuracies.var(axis=1, ddof=1).mean())),
        "ceiling": asdict(ceiling(found.accuracies)),
        **{name: {key: asdict(figure) for key, figure in part.figures.items()} for name, part in results.items()},
        "beyond_size": asdict(_beyond(y, results["all"].predictions, results["sizes"].predictions)),
        "beyond_counts": asdict(_beyond(y, results["all"].predictions, results["counts"].predictions)),
        "leave_one_generator_out": _left_out(found),
        "twins": _twins(rows, cell, found),
        "predictions": results["all"].predictions.mean(0).tolist(),
        "accuracies": y.tolist(),
        "families": found.families,
    }


def _make(names: Sequence[str]) -> Model:
    return MODELS[MODEL](names, 0, 1)


def _evaluated(found: Graphs, columns: Sequence[int]) -> Evaluation:
    names, x = [found.names[i] for i in columns], found.x[:, list(columns)]
    return evaluate(_make, names, x, found.means, range(len(x)), repeats=REPEATS)


def _beyond(y: Floats, full: Floats, sizes: Floats) -> Interval:
    """Return the partial R^2, mean over repeats, with its bootstrap interval over graphs."""

    def figure(chosen: Rows) -> float:
        rows = chosen
        return float(np.mean([beyond(y[rows], a[rows], b[rows]) for a, b in zip(full, sizes, strict=True)]))

    return over_rows(figure, range(len(y)), np.random.default_rng(0))


def _left_out(found: Graphs) -> dict[str, dict[str, float]]:
    return by_group(_make, found.names, found.x, found.means, found.families)


def _twins(rows: Sequence[Row], cell: str, found: Graphs) -> dict[str, Any] | None:
    """Return how graphs differ from twins of the same sizes and degrees, for each generator; None until trained.

    difference: mean accuracy of graph - twin with its bootstrap interval over graphs. spread: deviation of that
    difference beyond what seeds explain, in accuracy: what the arrangement of edges is worth.
    """
    other = collected(rows, cell, twins=True)
    if other is None:
        return None
    place = {key: i for i, key in enumerate(zip(other.families, other.numbers, strict=True))}
    pairs = [(i, place[key]) for i, key in enumerate(zip(found.families, found.numbers, strict=True)) if key in place]
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    gaps = found.means[first] - other.means[second]
    noise = sum(
        float(part.accuracies[rows].var(axis=1, ddof=1).mean()) / part.accuracies.shape[1]
        for part, rows in ((found, first), (other, second))
    )
    families = np.array(found.families)[first]
    of_family = {
        name: asdict(over_rows(partial(_mean, gaps[families == name]), range(int((families == name).sum())), _rng()))
        for name in sorted(set(families))
    }
    return {
        "seeds": other.accuracies.shape[1],
        "difference": of_family,
        "spread": float(np.sqrt(max(0.0, float(gaps.var(ddof=1)) - noise))),
        "correlation": float(np.corrcoef(found.means[first], other.means[second])[0, 1]),
    }


def _mean(values: Floats, chosen: Rows) -> float:
    return float(values[chosen].mean())


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)
