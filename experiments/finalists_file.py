"""finalists.json of a run directory: what became of the trials that were trained again for longer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from experiments.errors import ExperimentError
from experiments.files import write_text
from nas import outcomes
from nas.errors import NasError
from nas.finalists import Result

FORMAT = "sparsenas/finalists/1"


def read_finalists(file: Path, epochs: int | None = None) -> dict[int, Result]:
    """Return trial number -> result of the finalists kept in `file`; none if there is no such file.

    Args:
        file: finalists.json of a run directory.
        epochs: if given, results of another number of epochs are not taken.

    Raises:
        ExperimentError: the file is not one that this module wrote.
    """
    if not file.is_file():
        return {}
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']!r}")
        results = {int(number): outcomes.from_json(result) for number, result in data["results"].items()}
        same = epochs is None or data["epochs"] == epochs
    except (OSError, ValueError, KeyError, TypeError, AttributeError, NasError) as error:
        raise ExperimentError(
            f"finalists.json must be as a search wrote it; got '{error}' ({file}). Remove it to train them again."
        ) from None
    return results if same else {}


def write_finalists(file: Path, results: Mapping[int, Result], epochs: int) -> None:
    """Put trial number -> result of the finalists, each of `epochs` epochs, into `file`, whole or not at all."""
    kept = {str(number): outcomes.to_json(result) for number, result in sorted(results.items())}
    write_text(file, json.dumps({"format": FORMAT, "epochs": epochs, "results": kept}, indent=1) + "\n")
