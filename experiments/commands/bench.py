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
    """Measure this project: searches with and without screening, resuming, executors, overhead, training speed."""
    from experiments import registries
    from experiments.benchmarks import BENCHMARKS
    from experiments.errors import ExperimentError
    from experiments.output import Output
    from experiments.terminal.bench_table import bench_table

    output = Output(json)
    if name is None:
        for known, benchmark in BENCHMARKS.items():
            output.results.print(f"{known:<12} {(benchmark.__doc__ or '').splitlines()[0]}", soft_wrap=True)
        output.emit({"benchmarks": list(BENCHMARKS)})
        return
    if name not in BENCHMARKS:
        raise ExperimentError(registries.unknown("benchmark", name, BENCHMARKS))
    table = BENCHMARKS[name](out, lambda line: output.progress.print(line, markup=False))
    files = table.write(out)
    output.results.print(bench_table(table))
    output.results.print(f"written: {', '.join(str(file) for file in files)}", soft_wrap=True, markup=False)
    output.emit(table.as_json())
