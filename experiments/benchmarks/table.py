"""What a benchmark returns: rows of measurements and the conclusions drawn from them."""

from __future__ import annotations

import csv
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.files import write_text
from experiments.output import dumps


@dataclass(frozen=True)
class Table:
    """A measured table. `summary` holds the figures that matter; `protocol` says how they were got."""

    name: str
    protocol: str
    rows: Sequence[Mapping[str, Any]]
    summary: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return everything, with the machine it was measured on."""
        import torch

        return {
            "name": self.name,
            "protocol": self.protocol,
            "machine": f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}",
            "summary": dict(self.summary),
            "rows": [dict(row) for row in self.rows],
        }

    def write(self, folder: Path) -> list[Path]:
        """Write NAME.json and NAME.csv into `folder`; return their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        described, rows = folder / f"{self.name}.json", folder / f"{self.name}.csv"
        without_rows = {key: value for key, value in self.as_json().items() if key != "rows"}
        write_text(described, dumps(without_rows, indent=2) + "\n")
        with rows.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        return [described, rows]
