"""The published table of all 15,625 cells of NAS-Bench-201."""

from __future__ import annotations

import csv
import gzip
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from experiments.errors import ExperimentError
from predictors.models.model import Floats
from search_spaces.cell_graph import Genes, function_key, parse

PROXIES = (
    "epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacov", "l2_norm", "nwot", "params", "plain", "snip",
    "synflow", "zen",
)  # fmt: skip
"""Zero-cost proxies of the table; 6,180 cells have none."""

_FILE = Path("nasbench201") / "nasbench201.csv.gz"


@dataclass(frozen=True)
class CellTable:
    """Columns of the table, one entry a cell.

    Attributes:
        genes: each cell's operations.
        classes: number of its class of cells that compute the same function.
        validation: CIFAR-10 validation accuracy after 200 epochs, in [0, 1].
        proxies: (cells, 13), NaN where there is none.
    """

    genes: tuple[Genes, ...]
    classes: npt.NDArray[np.int64]
    validation: Floats
    proxies: Floats

    def __len__(self) -> int:
        return len(self.genes)


def load_cells(data: Path | None = None) -> CellTable:
    """Return the table below `data`, by default below SPARSENAS_DATA.

    Raises:
        ExperimentError: there is no such file.
    """
    folder = data or (Path(os.environ["SPARSENAS_DATA"]) if "SPARSENAS_DATA" in os.environ else None)
    if folder is None or not (folder / _FILE).is_file():
        raise ExperimentError(
            f"NAS-Bench-201's table must be at {_FILE} below the data folder; got none ({folder}). "
            f"Set SPARSENAS_DATA to the folder that holds it."
        )
    with gzip.open(folder / _FILE, "rt", newline="") as lines:
        rows = list(csv.DictReader(lines))
    genes = tuple(parse(row["arch_str"]) for row in rows)
    numbers: dict[tuple[object, ...], int] = {}
    return CellTable(
        genes=genes,
        classes=np.array([numbers.setdefault(function_key(cell), len(numbers)) for cell in genes]),
        validation=np.array([float(row["c10_val_200"]) for row in rows]) / 100.0,
        proxies=np.array([[float(row[name]) if row[name] else np.nan for name in PROXIES] for row in rows]),
    )
