"""Where a task that is not embedded finds its files."""

from __future__ import annotations

from pathlib import Path

from nas.errors import NasError


def data_folder(task: str, data: Path | None) -> Path:
    """Return the folder that was given for `task`.

    Raises:
        NasError: none was given.
    """
    if data is None:
        raise NasError(
            f"task '{task}' must have a data folder; got none. Name one with --data DIR or SPARSENAS_DATA; "
            f"what it lacks is downloaded to it."
        )
    return data
