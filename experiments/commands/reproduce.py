"""`sparsenas reproduce`: measure a published finding again with this project's own parts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.flags import Json


def reproduce(
    name: Annotated[str | None, typer.Argument(help="Which finding; without a name they are listed.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the table's files and its pictures.")] = Path("reproduced"),
    json: Json = False,
) -> None:
    """Measure a published finding again, seeded and paired; real data are read from SPARSENAS_DATA."""
    from experiments.commands.tables import measure
    from experiments.reproduce import REPRODUCTIONS

    measure("reproduction", REPRODUCTIONS, name, out, json)
