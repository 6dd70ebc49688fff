"""The trained graphs of a cell as arrays: what is known of them, and the accuracies their seeds came to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from experiments.reproduce.reber.features import features
from experiments.reproduce.reber.networks import Network, networks
from experiments.reproduce.reber.run import Row

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Graphs:
    """The graphs of one cell that every seed trained: columns and (graphs, seeds) accuracies, NaN-free."""

    names: list[str]
    x: Floats
    accuracies: Floats
    families: list[str]
    numbers: list[int]

    @property
    def keys(self) -> list[tuple[str, int]]:
        """What a graph and its twin share, (graphs,)."""
        return list(zip(self.families, self.numbers, strict=True))

    @property
    def means(self) -> Floats:
        """Mean over seeds, (graphs,)."""
        return np.asarray(self.accuracies.mean(1))

    @property
    def noise(self) -> float:
        """Variance of a graph's mean that the seeds explain."""
        return float(np.mean(self.accuracies.var(axis=1, ddof=1)) / self.accuracies.shape[1])

    def chosen(self, rows: Sequence[int]) -> Graphs:
        """Return these graphs alone, in this order."""
        places = list(rows)
        return replace(
            self,
            x=self.x[places],
            accuracies=self.accuracies[places],
            families=[self.families[i] for i in places],
            numbers=[self.numbers[i] for i in places],
        )


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
    names, described = columns(twins)
    return Graphs(
        names,
        np.array([described[network.family, network.number] for network, _ in kept]),
        np.array([values for _, values in kept]),
        [network.family for network, _ in kept],
        [network.number for network, _ in kept],
    )


@cache
def columns(twins: bool) -> tuple[list[str], Mapping[tuple[str, int], Floats]]:
    """Return the names and, by family and number, the columns of all graphs (or twins)."""
    found = {(one.family, one.number): features(one) for one in networks() if one.is_twin == twins}
    names = list(next(iter(found.values())))
    return names, {key: np.array([row[name] for name in names]) for key, row in found.items()}


def in_all(cells: Mapping[str, Graphs]) -> dict[str, Graphs]:
    """Return the cells with those graphs that diverged in none of them, in one order."""
    shared = set.intersection(*(set(graphs.keys) for graphs in cells.values()))
    return {
        cell: graphs.chosen([i for i, key in enumerate(graphs.keys) if key in shared]) for cell, graphs in cells.items()
    }
