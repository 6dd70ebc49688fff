"""NAS-Bench-201 on CIFAR-10: 15,625 cells, each trained before, so that a search takes seconds."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from nas.errors import NasError
from nas.seeds import numpy_stream
from nas.tasks.folder import data_folder
from nas.tasks.tabular import CellTable, TabularTask
from nas.tasks.task import Split, normalisation_of
from search_spaces import Signature, SpaceError, cell_graph

FILE = "nasbench201.csv.gz"
COLUMNS = ("c10_val_12", "c10_val_200", "c10_test_200", "c100_val_12", "c100_test_200")
_IMAGES = 20
"""Noise images of each class."""


def nasbench201(data: Path | None) -> TabularTask:
    """Return the task: validation accuracy on CIFAR-10 after 200 epochs (or 12), looked up.

    Looked for: nasbench201.csv.gz in `data` or `data`/nasbench201. Source: Dong and Yang, ICLR 2020,
    arXiv 2001.00326.

    Raises:
        NasError: no data folder given, no such file, or a broken one.
    """
    inputs, targets = _noise(10)
    split = Split(inputs, targets)
    return TabularTask(
        name="nasbench201",
        signature=Signature((3, 32, 32), 10),
        train=split,
        val=split,
        test=split,
        normalise=normalisation_of(inputs),
        table=read_table(data),
        space="cell",
        answers={200: "c10_val_200", 12: "c10_val_12"},
    )


def read_table(data: Path | None) -> CellTable:
    """Return the table in the folder `data` or its folder nasbench201.

    Raises:
        NasError: no data folder given, no such file, or a broken one.
    """
    folder = data_folder("nasbench201", data)
    places = [folder / FILE, folder / "nasbench201" / FILE]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise NasError(f"task 'nasbench201' must find {FILE}; got none ({folder}). Put it there, or name its folder.")
    try:
        with gzip.open(path, "rt", newline="") as file:
            return _table(csv.DictReader(file), path)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise NasError(f"{FILE} must be a gzipped CSV file; got '{error}' ({path}).") from None


def _table(rows: Iterable[dict[str, str]], path: Path) -> CellTable:
    columns = {name: np.full(cell_graph.COUNT, np.nan) for name in COLUMNS}
    for line, row in enumerate(rows, start=2):
        try:
            position = cell_graph.number(cell_graph.parse(row["arch_str"]))
            for name, values in columns.items():
                values[position] = float(row[name]) / 100.0
        except (KeyError, ValueError, TypeError, SpaceError) as error:
            raise NasError(f"a row must name a cell and its accuracies; got {error} ({path}, line {line}).") from None
    for name, values in columns.items():
        known = int(((values >= 0) & (values <= 1)).sum())
        if known < len(values):
            raise NasError(f"column '{name}' must hold {len(values)} accuracies in percent; got {known} ({path}).")
    return CellTable(columns)


def _noise(classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = numpy_stream(0, "noise/nasbench201")
    images = rng.integers(0, 256, size=(classes * _IMAGES, 3, 32, 32), dtype=np.uint8)
    return torch.from_numpy(images), torch.arange(classes).repeat(_IMAGES)
