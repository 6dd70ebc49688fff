"""A finished or running study, found again by what a user calls it: a run directory, a journal or a storage URL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config import SearchConfig, read_config
from experiments.errors import ExperimentError
from experiments.run_directory import RunDirectory

if TYPE_CHECKING:
    from nas.records import Header, Record


@dataclass(frozen=True)
class Study:
    """What can be known of a search. `config` and `run` are None when only a storage was named."""

    name: str
    header: Header
    records: list[Record]
    config: SearchConfig | None = None
    run: RunDirectory | None = None


def open_study(place: str, name: str | None = None) -> Study:
    """Return the study at `place`, read only.

    Args:
        place: a run directory, an Optuna journal file, or any Optuna storage URL.
        name: which study of the storage, where it holds several.

    Raises:
        ExperimentError: there is nothing there. NasError: what is there is no study of ours.
    """
    from nas.records import read_records

    if "://" in place:
        header, records = read_records(place, name)
        return Study(name or place, header, records)
    path = Path(place)
    if path.is_file():
        header, records = read_records(path, name)
        return Study(name or path.stem, header, records)
    run = RunDirectory(path)
    if not run.config.is_file():
        raise ExperimentError(
            f"a study must be a run directory, a journal file or a storage URL; got '{place}'. "
            f"`sparsenas search` makes one under runs/."
        )
    config = read_config(run.config)
    header, records = read_records(config.shared_place or run.journal, config.name)
    return Study(config.name, header, records, config, run)
