"""The published rows of statically pruned CNNs, and the features of our own masks of the same kind."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from experiments.errors import ExperimentError
from experiments.reproduce.masks.zoo import METHODS, Masked
from experiments.tables import Row, read_csv
from predictors import FEATURE_VERSION, feature_names

Floats: TypeAlias = npt.NDArray[np.float64]
Cell: TypeAlias = tuple[str, str, str, float]
"""Data set, network, method, sparsity."""

OWN_FEATURES = Path(__file__).with_name("features.csv.gz")
"""Features of the 720 masks of `zoo`, one row a mask: made by `sparsenas reproduce sparse-mask-features`."""

_KEYS = ("dataset", "model", "method", "sparsity", "seed")
_NO_TOPOLOGY = ("accuracy", "pruning", "sparsity", "model", "dataset", "seed")


@dataclass(frozen=True)
class Published:
    """Runs of one data set: what they were, their accuracy, and the columns a predictor may look at.

    Attributes:
        cells: of each run.
        accuracies: (runs,), test accuracy after 160 epochs.
        topology: (runs, 18), the table's own figures of the mask; `topology_names`.
        own: (runs, features), mean over our own masks of the run's cell; `own_names`.
        left_out: networks of the table of which we have not made the masks of every method.
    """

    cells: Sequence[Cell]
    accuracies: Floats
    topology: Floats
    topology_names: Sequence[str]
    own: Floats
    own_names: Sequence[str]
    left_out: Sequence[str] = ()

    @property
    def methods(self) -> npt.NDArray[np.str_]:
        """Method of each run."""
        return np.array([cell[2] for cell in self.cells])

    @property
    def models(self) -> npt.NDArray[np.str_]:
        """Network of each run."""
        return np.array([cell[1] for cell in self.cells])

    @property
    def settings(self) -> npt.NDArray[np.str_]:
        """Network and sparsity of each run: the cells within which masks are ranked."""
        return np.array([f"{cell[1]} {cell[3]}" for cell in self.cells])


def published(table: Path, dataset: str, features: Path = OWN_FEATURES) -> Published:
    """Return the runs of the six static methods on one data set, with the features of our own masks.

    A network is left out, and named, if the masks of one of its cells have not been made.

    Raises:
        ExperimentError: a table cannot be read, or no network is left.
    """
    rows: Sequence[Row] = [row for row in read_csv(table) if row["dataset"] == dataset and row["pruning"] in METHODS]
    if not rows:
        raise ExperimentError(
            f"the published table must hold runs of the static methods on {dataset}; got none ({table}). "
            f"Give the table of all networks."
        )
    own, own_names = read_features(features)
    cells: Sequence[Cell] = [(dataset, str(row["model"]), str(row["pruning"]), float(row["sparsity"])) for row in rows]
    left_out = sorted({cell[1] for cell in cells if cell not in own})
    if len(left_out) == len({cell[1] for cell in cells}):
        raise ExperimentError(
            f"our features must cover a network of the table on {dataset}; got none ({features}). "
            f"Make them: sparsenas reproduce sparse-mask-features."
        )
    rows, cells = zip(
        *((row, cell) for row, cell in zip(rows, cells, strict=True) if cell[1] not in left_out), strict=True
    )
    names = [name for name in rows[0] if name not in _NO_TOPOLOGY]
    return Published(
        cells,
        np.array([float(row["accuracy"]) for row in rows]),
        np.array([[float(row[name]) for name in names] for row in rows]),
        names,
        np.stack([own[cell] for cell in cells]),
        own_names,
        left_out,
    )


def write_features(file: Path, masks: Iterable[tuple[Masked, Mapping[str, float]]]) -> int:
    """Write one line a mask, six significant digits, and return their number. The same masks give the same bytes."""
    text, count = io.StringIO(newline=""), 0
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_KEYS, "version", *feature_names()])
    for mask, row in masks:
        key = (mask.dataset, mask.model, mask.method, mask.sparsity, mask.seed, FEATURE_VERSION)
        writer.writerow([*key, *(f"{row[name]:.6g}" for name in feature_names())])
        count += 1
    file.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    return count


def read_features(file: Path) -> tuple[dict[Cell, Floats], list[str]]:
    """Return the mean features over seeds of each cell, (features,), and their names.

    Raises:
        ExperimentError: the file cannot be read.
    """
    try:
        lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ExperimentError(
            f"our features must be a gzipped CSV file; got '{error}' ({file}). Make it: sparsenas reproduce "
            f"sparse-mask-features."
        ) from None
    rows = list(csv.DictReader(lines))
    names = [name for name in rows[0] if "/" in name]
    seeds: dict[Cell, list[list[float]]] = {}
    for row in rows:
        cell = (row["dataset"], row["model"], row["method"], float(row["sparsity"]))
        seeds.setdefault(cell, []).append([float(row[name]) for name in names])
    return {cell: np.mean(found, axis=0) for cell, found in seeds.items()}, names
