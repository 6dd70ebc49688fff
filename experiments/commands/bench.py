"""`sparsenas bench`: run a benchmark, print its table, keep it as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.flags import Json


def bench(
    name: Annotated[str | None, typer.Argument(help="Which benchmark; without a name they are listed.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the table's files.")] = Path("bench"),
    json: Json = False,
) -> None:
    """Measure this project: pruning methods, screening, resuming, executors, overhead, training."""
    from experiments.benchmarks import BENCHMARKS
    from experiments.commands.tables import measure

    measure("benchmark", BENCHMARKS, name, out, json)
