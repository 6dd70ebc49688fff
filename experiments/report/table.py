"""The records as a CSV table, one row a trial, features included: for spreadsheets and for `fit-predictor`."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.files import write_text
from nas.outcomes import Failure, Outcome
from nas.records import Record
from pruning.dynamic import STATIC

COLUMNS = (
    "number", "state", "val_accuracy", "kept", "total", "density", "multiply_adds", "epochs", "seconds",
    "error", "message", "attempts", "explored", "prediction", "method", "allocation", "training",
    "training_density", "digest", "architecture",
)  # fmt: skip


def write_table(records: Sequence[Record], file: Path) -> None:
    """Write the records to a CSV file: COLUMNS, what was measured beside, architecture:NAME, features as GROUP/NAME."""
    architecture = dict.fromkeys(name for r in records for name in r.candidate.get("architecture", {}))
    features = dict.fromkeys(name for record in records for name in record.features)
    measures = dict.fromkeys(name for r in records if isinstance(r.outcome, Outcome) for name in r.outcome.measures)
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *measures, *(f"architecture:{name}" for name in architecture), *features])
    writer.writeheader()
    for record in records:
        writer.writerow(row_of(record))
    write_text(file, text.getvalue())


def row_of(record: Record) -> dict[str, Any]:
    """Return one record as column name -> value; what it does not have is left out."""
    sparsity, architecture = record.candidate.get("sparsity", {}), record.candidate.get("architecture", {})
    row: dict[str, Any] = {
        "number": record.number,
        "state": record.state,
        "attempts": record.attempts,
        "explored": int(record.explored),
        "prediction": record.prediction,
        "method": sparsity.get("method"),
        "allocation": sparsity.get("allocation"),
        "training": record.candidate.get("training", STATIC) if sparsity else None,
        "digest": record.digest,
        "architecture": " ".join(f"{name}={value}" for name, value in architecture.items()),
    }
    row |= {f"architecture:{name}": value for name, value in architecture.items()}
    return row | _result(record.outcome) | dict(record.features)


def _result(outcome: Outcome | Failure | None) -> dict[str, Any]:
    if isinstance(outcome, Outcome):
        names = ("val_accuracy", "kept", "total", "density", "multiply_adds", "epochs", "seconds", "training_density")
        return {name: getattr(outcome, name) for name in names} | dict(outcome.measures)
    if isinstance(outcome, Failure):
        return {"error": outcome.error, "message": outcome.message, "seconds": outcome.seconds}
    return {}
