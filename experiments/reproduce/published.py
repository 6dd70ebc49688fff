"""Where the tables of others lie that reproductions are measured on."""

from __future__ import annotations

import os
from pathlib import Path

from experiments.errors import ExperimentError


def published_file(folder: str, name: str) -> Path:
    """Return SPARSENAS_DATA/folder/name.

    Raises:
        ExperimentError: SPARSENAS_DATA is not set, or the file is not there.
    """
    data = os.environ.get("SPARSENAS_DATA")
    if not data:
        raise ExperimentError(
            f"this reproduction must have the published table {folder}/{name}; got no data folder (SPARSENAS_DATA). "
            f"Name the folder that holds {folder}/."
        )
    file = Path(data) / folder / name
    if not file.is_file():
        raise ExperimentError(
            f"the data folder must hold {folder}/{name}; got none ({data}). Put the published table there."
        )
    return file
