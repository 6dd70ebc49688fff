"""Does guidance carry over? Networks that others trained, chosen one after the other from a list, guided or drawn."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.cells import incumbents, run
from experiments.benchmarks.paired import paired_difference
from experiments.benchmarks.pools_markdown import tables
from experiments.benchmarks.table import Table
from experiments.errors import ExperimentError
from experiments.files import write_text
from nas.guidance import GuidanceSettings, guided
from nas.strategies import STRATEGIES
from nas.strategies.strategy import Genes
from search_spaces import Choice

SEEDS = 10
MARKS = (15, 20, 30, 40)
WAYS: dict[str, tuple[tuple[str, ...], str]] = {
    "random": ((), ""),
    "guided": (("process", "trees"), "expected_improvement"),
    "trees": (("trees",), "expected_improvement"),
    "trees_thompson": (("trees",), "thompson"),
}
"""The guides and the acquisition of each way to choose; without guides networks are drawn."""
PAIRS = (("guided", "random"), ("trees_thompson", "trees"))
"""Ways that are compared, seed by seed."""
RNN_LEFT_OUT = {"mode", "graph", "graph_nr", "test_acc", "test_loss", "time"}
MASKS_LEFT_OUT = {"accuracy", "pruning", "sparsity", "model", "dataset", "seed"}


@dataclass(frozen=True)
class Pool:
    """Trained networks: features (n, columns) and accuracies (n,). A genome is one gene, the network's place.

    No mutation is near in any sense, so strategies can only draw; what is compared is the guide.
    """

    name: str
    columns: tuple[str, ...]
    features: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def choices(self) -> tuple[Choice, ...]:
        """One gene: which network."""
        return (Choice("network", tuple(range(len(self.accuracy)))),)

    def canonical(self, genes: Genes) -> Genes:
        """Return the genome itself."""
        return genes

    def digest(self, genes: Genes) -> str:
        """Return the place as text."""
        return str(genes[0])

    def number(self, genes: Genes) -> int:
        """Return the place."""
        return genes[0]

    def random(self, rng: np.random.Generator) -> Genes:
        """Return a network drawn uniformly."""
        return (int(rng.integers(len(self.accuracy))),)

    def feasible(self, genes: Genes) -> bool:
        """Return True: all were trained."""
        return True


def pools(folder: Path, say: Callable[[str], None]) -> Table:
    """Return regret by pool and number of queries; the summary holds paired differences with their intervals.

    `pools_tables.md` in the folder has the page's tables.

    Pools: 200 recurrent networks built on random graphs, for each kind of cell (Reber grammar); pruned convolutional
    networks, for each architecture and data set. Needs the folders reber and sparse_masks of the data.
    """
    return measure(folder, say, list(_pools(_data())), SEEDS)


def measure(folder: Path, say: Callable[[str], None], chosen: Sequence[Pool], seeds: int) -> Table:
    """Return the table of `pools` for some pools and seeds only."""
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    for pool in chosen:
        regrets = {way: np.stack([_regret(pool, way, seed) for seed in range(seeds)]) for way in WAYS}
        for queries in MARKS:
            now = {way: regret[:, queries - 1] for way, regret in regrets.items()}
            means = {f"{way}_regret": round(float(regret.mean()), 3) for way, regret in now.items()}
            rows.append(
                {"pool": pool.name, "networks": len(pool.accuracy), "queries": queries, **means, "seeds": seeds}
            )
            for first, second in PAIRS:
                difference = paired_difference(list(now[first]), list(now[second]))
                summary[f"{pool.name}: {first} minus {second} at {queries}"] = asdict(difference)
        say(f"{pool.name}: {rows[-1]['random_regret']} drawn, {rows[-1]['guided_regret']} guided")
    write_text(folder / "pools_tables.md", tables(rows, summary, PAIRS, MARKS[-2]))
    return Table(
        "pools",
        "networks drawn at random from a list against the same guided by structure alone (guided: process or trees, "
        "expected improvement; trees: XGBoost alone, by expected improvement or Thompson sampling); regret in points "
        f"of accuracy to the best of the list, means over {seeds} seeds; t intervals at 95 % over pairs of the same "
        "seed",
        rows,
        summary,
    )


def _regret(pool: Pool, way: str, seed: int) -> NDArray[np.float64]:
    strategy, (guides, acquisition) = STRATEGIES["random"], WAYS[way]
    if guides:
        settings = GuidanceSettings(oversample=len(pool.accuracy), explore=0.0, guides=guides, acquisition=acquisition)
        strategy = guided(strategy, lambda genes: pool.features[genes[0]], pool.columns, settings)
    best = float(pool.accuracy.max())
    changes = run(strategy, pool, pool.accuracy, best, MARKS[-1], 1, seed)
    return np.asarray(100.0 * (best - pool.accuracy[incumbents(changes, MARKS[-1])]))


def _pools(data: Path) -> Iterator[Pool]:
    for cell in ("rnn_tanh", "rnn_relu", "gru"):
        yield _pool(f"reber {cell}", _read(data / "reber" / f"structure_{cell}.csv"), "test_acc", RNN_LEFT_OUT)
    masks = _read(data / "sparse_masks" / "sparse_masks.csv")
    for model, data_set in sorted({(row["model"], row["dataset"]) for row in masks}):
        rows = [row for row in masks if (row["model"], row["dataset"]) == (model, data_set)]
        yield _pool(f"masks {model} {data_set}", rows, "accuracy", MASKS_LEFT_OUT)


def _pool(name: str, rows: Sequence[dict[str, str]], target: str, left_out: set[str]) -> Pool:
    rows = [row for row in rows if all(row.values())]  # some pruned networks lack a figure
    columns = [column for column in rows[0] if column not in left_out]
    features = np.array([[float(row[column]) for column in columns] for row in rows])
    accuracy = np.array([float(row[target]) for row in rows])
    return Pool(name, tuple(f"structure/{column}" for column in columns), features, accuracy)


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise ExperimentError(f"benchmark 'pools' must find its tables; got none ({path}). Set SPARSENAS_DATA.")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _data() -> Path:
    data = os.environ.get("SPARSENAS_DATA")
    if data is None:
        raise ExperimentError("benchmark 'pools' must have a data folder; got none. Set SPARSENAS_DATA.")
    return Path(data)
